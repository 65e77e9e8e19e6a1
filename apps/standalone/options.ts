// All that `npm start` and `npm run demo` are told from outside; what apps/standalone is configured by is read here only.

import { resolve } from 'node:path'
import { isLoopback } from '#apps/idp/development-only.ts'
import { type Environment, findSecret } from '#apps/process/read-secret.ts'
import { readSinkSettings, type SinkSettings } from '#apps/worker/audit-delivery/sink-settings.ts'
import { readWitnesses, type WitnessSettings } from '#apps/worker/sealer/settings.ts'
import { StartupError } from './startup-error.ts'

/** Ports on loopback. The issuer's name is built from `public`, so that one must not change while tokens live. */
export interface Ports {
  readonly public: number
  readonly mtls: number
  readonly idp: number
  readonly orders: number
  /** undefined: no metrics. */
  readonly metrics: number | undefined
}

export interface StandaloneOptions {
  /** Absolute. */
  readonly stateDir: string
  /** A login that may create roles, on a PostgreSQL of one's own; undefined: the embedded one. */
  readonly databaseUrl: string | undefined
  /** BullMQ on Redis; undefined: on PostgreSQL. */
  readonly redisUrl: string | undefined
  /** Demanded port of the embedded PostgreSQL. */
  readonly postgresPort: number | undefined
  readonly logLevel: string
  /** The operator's own system that is sent the log (`MAYFLY_SIEM_URL`). */
  readonly sink?: SinkSettings | undefined
  /** Who cosigns the log (`MAYFLY_LOG_WITNESSES`). */
  readonly witnesses?: readonly WitnessSettings[] | undefined
  /** The launcher that stays as our parent, if it does. */
  readonly launcherPid: number | undefined
}

/** The variable that moves each port, and what listens there. */
export const portVariables: Readonly<Record<keyof Ports, { variable: string; standard: number; purpose: string }>> = {
  public: { variable: 'MAYFLY_PORT', standard: 8443, purpose: 'the API' },
  mtls: { variable: 'MAYFLY_MTLS_PORT', standard: 8444, purpose: 'the API with client certificates' },
  idp: { variable: 'MAYFLY_IDP_PORT', standard: 8445, purpose: 'the development OpenID provider' },
  orders: { variable: 'MAYFLY_ORDERS_PORT', standard: 8446, purpose: 'the orders API to try things on' },
  metrics: { variable: 'MAYFLY_METRICS_PORT', standard: 9464, purpose: 'metrics' },
}

/** Throws StartupError in production mode, for a host that others can reach, and for what cannot be read. */
export function readStandaloneOptions(env: Environment): StandaloneOptions {
  refuseUnsafeSurroundings(env)
  const launcherPid = Number(env['MAYFLY_LAUNCHER_PID'])
  return {
    stateDir: resolve(env['MAYFLY_STATE_DIR'] || '.mayfly'),
    databaseUrl: readSecret(env, 'DATABASE_URL'),
    redisUrl: readSecret(env, 'REDIS_URL'),
    postgresPort: env['MAYFLY_POSTGRES_PORT'] ? readPort('MAYFLY_POSTGRES_PORT', env['MAYFLY_POSTGRES_PORT']) : undefined,
    logLevel: env['MAYFLY_LOG_LEVEL'] || 'info',
    sink: readSink(env),
    witnesses: readCosigners(env),
    launcherPid: Number.isInteger(launcherPid) && launcherPid > 0 ? launcherPid : undefined,
  }
}

function readSink(env: Environment): SinkSettings | undefined {
  const problems: string[] = []
  const sink = readSinkSettings(env, problems)
  const [problem] = problems
  if (problem !== undefined) throw wrong('The SIEM cannot be written to.', problem, 'See docs/how-to/siem.md.')
  return sink
}

function readCosigners(env: Environment): readonly WitnessSettings[] {
  const problems: string[] = []
  const witnesses = readWitnesses(env, problems)
  const [problem] = problems
  if (problem !== undefined) throw wrong('The witnesses of the log cannot be read.', problem, 'See docs/how-to/witness.md.')
  return witnesses
}

/** The fixed ports of `npm start`. Throws StartupError when one is no port, or when two are the same. */
export function readPorts(env: Environment): Ports {
  const read = (name: keyof Ports): number => {
    const { variable, standard } = portVariables[name]
    return readPort(variable, env[variable] || String(standard))
  }
  const metrics = env['MAYFLY_METRICS_PORT'] === 'off' ? undefined : read('metrics')
  const ports: Ports = { public: read('public'), mtls: read('mtls'), idp: read('idp'), orders: read('orders'), metrics }
  const taken = new Map<number, string>()
  for (const [name, port] of Object.entries(ports) as [keyof Ports, number | undefined][]) {
    if (port === undefined) continue
    const { variable } = portVariables[name]
    const other = taken.get(port)
    if (other !== undefined)
      throw wrong(`${variable} and ${other} are both ${port}.`, 'Each listener needs a port of its own.', 'Change one of them.')
    taken.set(port, variable)
  }
  return ports
}

function refuseUnsafeSurroundings(env: Environment): void {
  if (env['MAYFLY_MODE'] === 'production' || env['NODE_ENV'] === 'production')
    throw wrong(
      'The standalone mode does not run in production mode.',
      'It makes its own certificate authority and an OpenID provider at which anyone may sign in as anyone.',
      'Run apps/broker and apps/worker instead (docker compose shows how), or unset MAYFLY_MODE and NODE_ENV.',
    )
  const host = env['MAYFLY_HOST']
  if (host && !isLoopback(host))
    throw wrong(
      `The standalone mode does not listen on ${host}.`,
      'Its certificates and its OpenID provider are for development, so it binds to loopback only.',
      'Unset MAYFLY_HOST, or run apps/broker with certificates of your own.',
    )
}

function readPort(variable: string, text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw wrong(`${variable}=${text} is not a port.`, 'A port is a whole number from 1 to 65535.', `Correct or unset ${variable}.`)
}

function readSecret(env: Environment, name: string): string | undefined {
  const problems: string[] = []
  const secret = findSecret(env, name, problems)
  if (problems.length > 0) throw wrong(`${name} cannot be had.`, problems.join(' '), `Correct or unset ${name} and ${name}_FILE.`)
  return secret
}

const wrong = (what: string, why: string, remedy: string): StartupError => new StartupError({ what, why, remedy })
