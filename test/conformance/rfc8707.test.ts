// RFC 8707, resource indicators: one registered resource, compared byte for byte, becomes the one audience.

import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { formBody } from '#test/setup/https-client.ts'
import { onceResourceUri, resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const ask = (resources: readonly string[]) => {
  const { running } = broker
  const pairs = Object.entries(running.form({ resource: undefined, task_id: 't' }))
  return running.token(formBody([...pairs, ...resources.map(uri => ['resource', uri] as [string, string])]), running.certificate)
}

test('aud is the registered URI, as one string (§ 2.2)', async () => {
  for (const uri of [resourceUri, onceResourceUri]) {
    const { body } = await ask([uri])
    expect(decodeJwt(body.access_token).aud).toBe(uri)
  }
})

test('the same resource twice is one', async () => {
  expect(decodeJwt((await ask([resourceUri, resourceUri])).body.access_token).aud).toBe(resourceUri)
})

test.each([
  [[]],
  [[resourceUri, onceResourceUri]],
  [['https://nobody.example/']],
  [['/api']],
  [['not a uri']],
  [[`${resourceUri}#fragment`]],
  [[`${resourceUri}?x=1`]],
  [[resourceUri.toUpperCase()]],
  [[`${resourceUri}/`]],
  [['https://orders.example:443/api']],
  [['https://orders.example/x/../api']],
  [['https://orders.example/%61pi']],
  [[resourceUri, 'https://nobody.example/']],
])('%j is invalid_target (§ 2)', async resources => {
  const { status, body } = await ask(resources)
  expect([status, body.error]).toEqual([400, 'invalid_target'])
})

test('another issuer is no resource, nor is what lies below this one; the issuer itself grants nothing of others', async () => {
  const { running } = broker
  for (const uri of [`${running.issuer}/v1`, running.idp.issuer]) expect((await ask([uri])).body.error).toBe('invalid_target')
  expect((await ask([running.issuer])).body.error).toBe('invalid_scope')
})
