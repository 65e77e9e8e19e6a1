// One broker on real sockets, with a database of its own, for all tests of a file.

import { afterAll, beforeAll } from 'vitest'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { createHttpsClient, type HttpsClient } from './https-client.ts'
import { type RunningBroker, type RunningBrokerOptions, startRunningBroker } from './running-broker.ts'

export interface BrokerInUse {
  /** These three only while tests run. */
  readonly running: RunningBroker
  readonly database: TestDatabase
  readonly https: HttpsClient
}

/** Call at the top of a test file, or of a `describe`. */
export function useBroker(options: Omit<RunningBrokerOptions, 'databaseUrl'> = {}): BrokerInUse {
  let database: TestDatabase | undefined
  let running: RunningBroker | undefined
  let https: HttpsClient | undefined
  beforeAll(async () => {
    database = await createTestDatabase()
    running = await startRunningBroker({ databaseUrl: database.urls.app, ...options })
    https = createHttpsClient(running.ca.certificatePem)
  })
  afterAll(async () => {
    await https?.close()
    await running?.close()
    await database?.close()
  })
  return {
    get running() {
      return running!
    },
    get database() {
      return database!
    },
    get https() {
      return https!
    },
  }
}
