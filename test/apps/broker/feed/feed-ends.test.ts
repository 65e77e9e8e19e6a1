import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../setup/database.ts'
import { readFeed } from '../../../setup/feed-reader.ts'
import { startRunningBroker } from '../../../setup/running-broker.ts'

test('a broker that ends tells its readers when to come back, and ends at once', async () => {
  const database = await createTestDatabase()
  const running = await startRunningBroker({ databaseUrl: database.urls.app })
  const shown = await running.v1('GET', '/v1/feed/snapshot', undefined, running.resourceSecrets.pop)
  const reading = await readFeed({
    url: `${running.issuer}/v1/feed?since=${shown.body.shard}.${shown.body.epoch}`,
    caPem: running.ca.certificatePem,
    secret: running.resourceSecrets.pop,
  })
  await reading.next('heartbeat')
  const began = performance.now()
  await running.close()
  await reading.ended()
  expect(performance.now() - began).toBeLessThan(4_000)
  expect(reading.retry).toBeGreaterThan(0)
  expect(reading.retry).toBeLessThanOrEqual(1_000)
  await database.close()
})
