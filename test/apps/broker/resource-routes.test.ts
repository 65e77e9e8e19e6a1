import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { resourceRoutes } from '#apps/broker/routes/resource/resource-routes.ts'
import { expectDocumented } from './expect-documented.ts'

test('what guards call stands in OpenAPI, for each tenant, with its credential, its answers and an example of its body', async () => {
  const app = await createBaseApp({ logger: pino({ level: 'silent' }), baseUrl: 'https://broker.example' })
  app.register(resourceRoutes, {} as never)
  const document = (await app.inject('/openapi.json')).json()
  expect(Object.keys(document.paths).sort()).toEqual(['/consume', '/t/{slug}/consume', '/t/{slug}/v1/decisions', '/v1/decisions'])
  expectDocumented(document)
  await app.close()
})
