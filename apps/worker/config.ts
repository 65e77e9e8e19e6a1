// The only place of this app that reads the environment.

import { type KeySettings, readKeySettings } from '#apps/process/key-settings.ts'
import { type OutboundSettings, readOutboundSettings } from '#apps/process/outbound-settings.ts'
import { type QueueSettings, readQueueSettings } from '#apps/process/queues.ts'
import { type Environment, getSecret } from '#apps/process/read-secret.ts'
import { type RestoreSettings, readRestoreSettings } from '#apps/process/restore-settings.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { readSinkSettings, type SinkSettings } from './audit-delivery/sink-settings.ts'
import { readSealerSettings, type SealerSettings } from './sealer/settings.ts'

export interface WorkerConfig extends KeySettings, QueueSettings, OutboundSettings, RestoreSettings {
  /** The broker's base URL, without a slash at its end; left out: what depends on issuers waits for the broker. */
  readonly publicUrl?: string | undefined
  readonly databaseUrl: string
  readonly logLevel: string
  /** How long the task of an account that was collected stays refused; 90 when nothing is said. */
  readonly tombstoneDays?: number | undefined
  /** Left out: this worker does not seal the log. */
  readonly sealer?: SealerSettings | undefined
  /** The operator's own system that is sent the log; left out: none. */
  readonly sink?: SinkSettings | undefined
  /** Left out: no metrics and health listener. */
  readonly metrics?: { readonly host: string; readonly port: number } | undefined
}

const tombstoneDays = { standard: 90, least: 1, most: 3_650 }

/** Throws BrokerError `internal` whose hint lists every problem. */
export function readWorkerConfig(env: Environment): WorkerConfig {
  const problems: string[] = []
  const databaseUrl = getSecret(env, 'DATABASE_URL', problems, 'the PostgreSQL URL of the role mayfly_app')
  const { redisUrl, queueDatabaseUrl } = readQueueSettings(env, problems)
  if (!redisUrl && !queueDatabaseUrl)
    problems.push('Set REDIS_URL, or QUEUE_DATABASE_URL: the PostgreSQL URL of the role mayfly_queue.')
  const keys = readKeySettings(env, problems)
  const outbound = readOutboundSettings(env, problems)
  const restore = readRestoreSettings(env, problems)
  const publicUrl = env['MAYFLY_PUBLIC_URL']?.replace(/\/+$/, '') || undefined
  const days = readNumber(env, 'MAYFLY_TOMBSTONE_DAYS', tombstoneDays, problems)
  const metrics = readMetrics(env, problems)
  const sink = readSinkSettings(env, problems)
  const sealer = readSealerSettings(env, problems)
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  const logLevel = env['MAYFLY_LOG_LEVEL'] || 'info'
  return {
    ...keys,
    ...outbound,
    ...restore,
    publicUrl,
    databaseUrl,
    redisUrl,
    queueDatabaseUrl,
    logLevel,
    tombstoneDays: days,
    sink,
    metrics,
    sealer,
  }
}

/** Unlike the broker's, the worker's listener is off unless a port is named: the two may share a machine. */
function readMetrics(env: Environment, problems: string[]): WorkerConfig['metrics'] {
  const port = env['MAYFLY_METRICS_PORT']
  if (!port || port === 'off') return undefined
  const bounds = { standard: 0, least: 0, most: 65_535 }
  return { host: env['MAYFLY_HOST'] || '127.0.0.1', port: readNumber(env, 'MAYFLY_METRICS_PORT', bounds, problems) }
}

function readNumber(
  env: Environment,
  name: string,
  { standard, least, most }: { readonly standard: number; readonly least: number; readonly most: number },
  problems: string[],
): number {
  const value = Number(env[name] || standard)
  if (!Number.isInteger(value) || value < least || value > most)
    problems.push(`${name} must be a whole number from ${least} to ${most}.`)
  return value
}

/** How long tombstones stay, in seconds. */
export const tombstoneSecondsOf = ({
  tombstoneDays: days = tombstoneDays.standard,
}: Pick<WorkerConfig, 'tombstoneDays'>): number => days * 86_400
