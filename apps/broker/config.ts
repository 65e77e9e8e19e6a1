// All that the broker is told from outside, read once and checked together: every problem is reported at once. The only
// place of this app that reads the environment. Secrets may come from files (`NAME_FILE`), which keeps them out of it.

import { type KeySettings, readKeySettings } from '#apps/process/key-settings.ts'
import { type OutboundSettings, readOutboundSettings } from '#apps/process/outbound-settings.ts'
import { type QueueSettings, readQueueSettings } from '#apps/process/queues.ts'
import { type Environment, getSecret } from '#apps/process/read-secret.ts'
import { type RestoreSettings, readRestoreSettings } from '#apps/process/restore-settings.ts'
import { readTileStoreSettings, type TileStoreSettings } from '#apps/process/tiles/open-tile-store.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Limits } from '#core/quota/limits.ts'
import { hasDevelopmentMarker } from './development-marker.ts'
import { type FailpointPlan, findFailpointFault, parseFailpoint } from './failpoint.ts'
import { readLimits } from './limits-setting.ts'
import { readTrustedProxies, type TrustedProxy } from './tls/trusted-proxies.ts'

export interface BrokerConfig extends KeySettings, QueueSettings, OutboundSettings, RestoreSettings {
  /** Base URL and first tenant's issuer, without a slash at the end. */
  readonly publicUrl: string
  readonly mtlsUrl: string
  readonly host: string
  readonly port: number
  readonly mtlsPort: number
  /** undefined: no metrics and health listener. */
  readonly metricsPort: number | undefined
  readonly databaseUrl: string
  readonly tls: { readonly certPem: string; readonly keyPem: string }
  readonly allowPrivateIssuers: boolean
  readonly logLevel: string
  /** Of tenants that nobody has said anything of; the published ones when left out. */
  readonly limits?: Limits
  /** Who may end TLS connections in front of us; left out: nobody. */
  readonly trustedProxies?: readonly TrustedProxy[]
  /** Streams of the feed of revocations that this process serves at most; the standard number when left out. */
  readonly feedStreams?: number | undefined
  /** Where the built console lies; left out: where the repository builds it. */
  readonly consoleFolder?: string | undefined
  /** Where the worker's sealer puts the log's tiles; left out: this broker serves none, and proves nothing. */
  readonly logTiles?: TileStoreSettings | undefined
  /** Whether anybody may read the log's checkpoints and hashes; operators only when left out. */
  readonly logIsPublic?: boolean | undefined
  /** Tests only: where this process ends itself. */
  readonly failpoint?: FailpointPlan | undefined
}

/** Throws BrokerError `internal` whose hint lists every problem, one a line. */
export function readBrokerConfig(env: Environment): BrokerConfig {
  const problems: string[] = []
  const read = createReader(env, problems)
  const host = read.text('MAYFLY_HOST', '127.0.0.1')
  const port = read.port('MAYFLY_PORT', 8443)
  const mtlsPort = read.port('MAYFLY_MTLS_PORT', 8444)
  const config: BrokerConfig = {
    host,
    port,
    mtlsPort,
    publicUrl: read.url('MAYFLY_PUBLIC_URL', `https://localhost:${port}`),
    mtlsUrl: read.url('MAYFLY_MTLS_URL', `https://localhost:${mtlsPort}`),
    metricsPort: env['MAYFLY_METRICS_PORT'] === 'off' ? undefined : read.port('MAYFLY_METRICS_PORT', 9464),
    databaseUrl: read.secret('DATABASE_URL', 'the PostgreSQL URL of the role mayfly_app'),
    tls: {
      certPem: read.secret('MAYFLY_TLS_CERT', 'the server certificate with its chain, PEM'),
      keyPem: read.secret('MAYFLY_TLS_KEY', "the server certificate's key, PEM"),
    },
    ...readKeySettings(env, problems),
    ...readOutboundSettings(env, problems),
    ...readQueueSettings(env, problems),
    ...readRestoreSettings(env, problems),
    allowPrivateIssuers: env['MAYFLY_ALLOW_PRIVATE_ISSUERS'] === 'true',
    trustedProxies: readTrustedProxies(env['MAYFLY_TRUSTED_PROXIES'], problems),
    limits: readLimits(env, problems),
    feedStreams: read.count('MAYFLY_FEED_STREAMS'),
    logTiles: readTileStoreSettings(env, problems),
    logIsPublic: env['MAYFLY_LOG_PUBLIC'] === 'true',
    logLevel: read.text('MAYFLY_LOG_LEVEL', 'info'),
    failpoint: parseFailpoint(env['MAYFLY_FAILPOINT']),
  }
  const production = env['MAYFLY_MODE'] === 'production' || env['NODE_ENV'] === 'production'
  problems.push(...findUnsafe(config, production), ...findFailpointFault(env['MAYFLY_FAILPOINT'], config, production))
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return config
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** What development leaves lying about must not serve strangers. */
function findUnsafe(config: BrokerConfig, production: boolean): string[] {
  if (!config.tls.certPem.includes('BEGIN') || !hasDevelopmentMarker(config.tls.certPem)) return []
  if (production)
    return ['MAYFLY_TLS_CERT was made for development and the mode is production. Use a certificate of your own CA.']
  if (!loopback.has(config.host))
    return [
      `MAYFLY_TLS_CERT was made for development and MAYFLY_HOST=${config.host} is not loopback. Use a certificate of your own CA.`,
    ]
  return []
}

function createReader(env: Environment, problems: string[]) {
  const text = (name: string, fallback: string): string => env[name] || fallback
  const secret = (name: string, what: string): string => getSecret(env, name, problems, what)
  return {
    text,
    secret,
    port(name: string, fallback: number): number {
      const value = Number(text(name, String(fallback)))
      if (!Number.isInteger(value) || value < 0 || value > 65_535) problems.push(`${name} must be a port from 0 to 65535.`)
      return value
    },
    count(name: string): number | undefined {
      if (!env[name]) return undefined
      const value = Number(env[name])
      if (!Number.isInteger(value) || value < 0 || value > 1_000_000) problems.push(`${name} must be a whole number.`)
      return value
    },
    url(name: string, fallback: string): string {
      const value = text(name, fallback).replace(/\/$/, '')
      if (!URL.canParse(value) || new URL(value).protocol !== 'https:' || new URL(value).href.replace(/\/$/, '') !== value)
        problems.push(`${name} must be an https URL without query or fragment, such as https://broker.example.`)
      return value
    },
  }
}
