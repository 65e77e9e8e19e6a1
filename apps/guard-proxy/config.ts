// The only place of this app that reads the environment. Nobody is believed unless he is named: without a proxy that may ask,
// it does not start.

import { isIP } from 'node:net'
import { readTrustedProxies, type TrustedProxy } from '#apps/broker/tls/trusted-proxies.ts'
import { type Environment, findSecret } from '#apps/process/read-secret.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { GuardOptions } from '../../packages/guard/src/index.ts'

export interface GuardProxyConfig {
  /** What the guard is made of. */
  readonly guard: GuardOptions
  /** Whose word counts on method, target and certificate of a request. */
  readonly proxies: readonly TrustedProxy[]
  /** Headers in which a proxy other than Envoy tells of the request; lower case. */
  readonly methodHeader: string
  readonly targetHeader: string
  /** Envoy sends whole bodies along (`with_request_body`, no partial messages). */
  readonly bodies: boolean
  readonly host: string
  readonly port: number
  /** Left out: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | undefined } | undefined
  /** Left out: no metrics and health listener. */
  readonly metricsPort: number | undefined
  readonly logLevel: string
}

const replayModes = ['pop', 'once', 'challenge'] as const
const revocationModes = ['feed', 'status-list', 'none'] as const

/** Throws BrokerError `internal` whose hint lists every problem. */
export function readGuardProxyConfig(env: Environment): GuardProxyConfig {
  const problems: string[] = []
  const host = env['MAYFLY_HOST'] || '127.0.0.1'
  const tls = readTls(env, problems)
  const proxies = readTrustedProxies(env['MAYFLY_TRUSTED_PROXIES'], problems)
  if (!env['MAYFLY_TRUSTED_PROXIES'] || env['MAYFLY_TRUSTED_PROXIES'] === '[]')
    problems.push(
      'MAYFLY_TRUSTED_PROXIES is missing: the proxies that may ask, for example [{"address":"127.0.0.1","format":"nginx"}].',
    )
  if (!tls && proxies.some(({ certificate }) => certificate !== undefined))
    problems.push('A proxy that proves itself by a certificate needs MAYFLY_TLS_CERT and MAYFLY_TLS_KEY here.')
  if (!tls && !isLoopback(host) && env['MAYFLY_PLAIN_HTTP'] !== 'true')
    problems.push(
      `MAYFLY_HOST=${host} is not loopback: set MAYFLY_TLS_CERT and MAYFLY_TLS_KEY, or MAYFLY_PLAIN_HTTP=true where nobody else is on that network.`,
    )
  const config: GuardProxyConfig = {
    guard: readGuard(env, problems),
    proxies,
    methodHeader: readName(env, 'MAYFLY_METHOD_HEADER', 'x-original-method', problems),
    targetHeader: readName(env, 'MAYFLY_TARGET_HEADER', 'x-original-uri', problems),
    bodies: env['MAYFLY_REQUEST_BODIES'] === 'true',
    host,
    port: readPort(env, 'MAYFLY_PORT', 9080, problems),
    tls,
    metricsPort: env['MAYFLY_METRICS_PORT'] === 'off' ? undefined : readPort(env, 'MAYFLY_METRICS_PORT', 9464, problems),
    logLevel: env['MAYFLY_LOG_LEVEL'] || 'info',
  }
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return config
}

function readGuard(env: Environment, problems: string[]): GuardOptions {
  const credential = findSecret(env, 'MAYFLY_CREDENTIAL', problems)
  const replay = readWords(env, 'MAYFLY_REPLAY', replayModes, problems)
  const [mode] = readWords(env, 'MAYFLY_REVOCATION', revocationModes, problems) ?? []
  const stale = env['MAYFLY_MAX_STALE_SECONDS']
  const publicUrl = env['MAYFLY_PUBLIC_URL']
  const mountPath = env['MAYFLY_MOUNT_PATH']
  const caFile = env['MAYFLY_CA_FILE']
  const scopes = env['MAYFLY_SCOPES']?.split(/\s+/).filter(Boolean)
  return {
    issuer: getText(env, 'MAYFLY_ISSUER', 'the issuer whose tokens count', problems),
    resource: getText(env, 'MAYFLY_RESOURCE', 'the URI under which the API is registered', problems),
    ...(credential !== undefined && { credential }),
    ...(replay && { replay }),
    ...(mode && { revocation: { mode, ...(stale && { maxStaleSeconds: Number(stale) }) } }),
    ...(!mode && stale && { revocation: { mode: 'feed' as const, maxStaleSeconds: Number(stale) } }),
    dpop: { ...(publicUrl && { publicUrl }), nonces: env['MAYFLY_DPOP_NONCES'] === 'true' },
    ...(mountPath && { mountPath }),
    ...(caFile && { tls: { caFile } }),
    ...(scopes?.length && { scopes }),
    allowBearer: env['MAYFLY_ALLOW_BEARER'] === 'true',
  }
}

function readTls(env: Environment, problems: string[]): GuardProxyConfig['tls'] {
  const cert = findSecret(env, 'MAYFLY_TLS_CERT', problems)
  const key = findSecret(env, 'MAYFLY_TLS_KEY', problems)
  if ((cert === undefined) !== (key === undefined)) problems.push('MAYFLY_TLS_CERT and MAYFLY_TLS_KEY belong together.')
  const ca = findSecret(env, 'MAYFLY_TLS_CLIENT_CA', problems)
  return cert !== undefined && key !== undefined ? { cert, key, ca } : undefined
}

function getText(env: Environment, name: string, what: string, problems: string[]): string {
  const text = env[name] ?? ''
  if (text === '') problems.push(`${name} is missing: ${what}.`)
  return text
}

function readWords<Word extends string>(
  env: Environment,
  name: string,
  known: readonly Word[],
  problems: string[],
): readonly Word[] | undefined {
  const words = env[name]?.split(/[\s,]+/).filter(Boolean)
  if (words?.some(word => !known.includes(word as Word))) problems.push(`${name} may name ${known.join(', ')}.`)
  return words?.length ? (words as Word[]) : undefined
}

function readName(env: Environment, name: string, standard: string, problems: string[]): string {
  const value = env[name]?.toLowerCase() || standard
  if (!/^[a-z0-9-]{1,64}$/.test(value)) problems.push(`${name} must be the name of a header.`)
  return value
}

function readPort(env: Environment, name: string, standard: number, problems: string[]): number {
  const port = Number(env[name] || standard)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) problems.push(`${name} must be a port.`)
  return port
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
