import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createBaseApp } from '#apps/broker/http/base-app.ts'
import { accountRoutes } from '#apps/broker/routes/account/account-routes.ts'
import { expectDocumented } from '../expect-documented.ts'

test('what agents call stands in OpenAPI, for each tenant, with its credential, its answers and an example of its body', async () => {
  const app = await createBaseApp({ logger: pino({ level: 'silent' }), baseUrl: 'https://broker.example' })
  app.register(accountRoutes, {} as never)
  const document = (await app.inject('/openapi.json')).json()
  const own = Object.keys(document.paths).filter(path => !path.startsWith('/t/'))
  expect(own).toEqual(
    expect.arrayContaining([
      '/account',
      '/account/complete',
      '/account/extend',
      '/account/children',
      '/account/children/{id}/revoke',
    ]),
  )
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(own.map(path => `/t/{slug}${path}`)))
  expectDocumented(document)
  await app.close()
})
