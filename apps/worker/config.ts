// The only place of this app that reads the environment.

import { readFileSync } from 'node:fs'
import { BrokerError } from '#core/errors/broker-error.ts'

export interface WorkerConfig {
  readonly databaseUrl: string
  /** BullMQ on Redis when set, else on PostgreSQL. */
  readonly redisUrl: string | undefined
  /** Login of mayfly_queue; needed without Redis. */
  readonly queueDatabaseUrl: string | undefined
  readonly logLevel: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Throws BrokerError `internal` whose hint lists every problem. */
export function readWorkerConfig(env: Environment): WorkerConfig {
  const problems: string[] = []
  const secret = (name: string): string | undefined => {
    const file = env[`${name}_FILE`]
    if (!file) return env[name] || undefined
    try {
      return readFileSync(file, 'utf8').trim()
    } catch (error) {
      problems.push(`${name}_FILE=${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
      return undefined
    }
  }
  const databaseUrl = secret('DATABASE_URL')
  const redisUrl = secret('REDIS_URL')
  const queueDatabaseUrl = secret('QUEUE_DATABASE_URL')
  if (!databaseUrl) problems.push('DATABASE_URL or DATABASE_URL_FILE is missing: the PostgreSQL URL of the role mayfly_app.')
  if (!redisUrl && !queueDatabaseUrl)
    problems.push('Set REDIS_URL, or QUEUE_DATABASE_URL: the PostgreSQL URL of the role mayfly_queue.')
  if (problems.length > 0)
    throw new BrokerError('internal', { hint: `The configuration is not usable:\n  ${problems.join('\n  ')}` })
  return { databaseUrl: databaseUrl!, redisUrl, queueDatabaseUrl, logLevel: env['MAYFLY_LOG_LEVEL'] || 'info' }
}
