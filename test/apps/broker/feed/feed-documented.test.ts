import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { feedRoutes } from '#apps/broker/routes/feed/feed-routes.ts'
import { expectDocumented } from '../expect-documented.ts'

test('the feed stands in OpenAPI, for each tenant, with its credential and its answers', async () => {
  const app = await createBaseApp({ logger: pino({ level: 'silent' }), baseUrl: 'https://broker.example' })
  app.register(feedRoutes, {} as never)
  const document = (await app.inject('/openapi.json')).json()
  const paths = ['/v1/feed', '/v1/feed/acknowledgements', '/v1/feed/snapshot']
  expect(Object.keys(document.paths).sort()).toEqual([...paths.map(path => `/t/{slug}${path}`), ...paths].sort())
  expectDocumented(document)
  expect(document.paths['/v1/feed'].get.responses['200'].content['text/event-stream']).toBeDefined()
  await app.close()
})
