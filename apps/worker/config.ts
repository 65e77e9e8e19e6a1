// The only place of this app that reads the environment.

import { type KeySettings, readKeySettings } from '#apps/process/key-settings.ts'
import { type Environment, findSecret, getSecret } from '#apps/process/read-secret.ts'
import { BrokerError } from '#core/errors/broker-error.ts'

export interface WorkerConfig extends KeySettings {
  readonly databaseUrl: string
  /** BullMQ on Redis when set, else on PostgreSQL. */
  readonly redisUrl: string | undefined
  /** Login of mayfly_queue; needed without Redis. */
  readonly queueDatabaseUrl: string | undefined
  readonly logLevel: string
}

/** Throws BrokerError `internal` whose hint lists every problem. */
export function readWorkerConfig(env: Environment): WorkerConfig {
  const problems: string[] = []
  const databaseUrl = getSecret(env, 'DATABASE_URL', problems, 'the PostgreSQL URL of the role mayfly_app')
  const redisUrl = findSecret(env, 'REDIS_URL', problems)
  const queueDatabaseUrl = findSecret(env, 'QUEUE_DATABASE_URL', problems)
  if (!redisUrl && !queueDatabaseUrl)
    problems.push('Set REDIS_URL, or QUEUE_DATABASE_URL: the PostgreSQL URL of the role mayfly_queue.')
  const keys = readKeySettings(env, problems)
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return { ...keys, databaseUrl, redisUrl, queueDatabaseUrl, logLevel: env['MAYFLY_LOG_LEVEL'] || 'info' }
}
