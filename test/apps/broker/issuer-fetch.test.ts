// Row 26 of threats.md for the keys of issuers: an address inside this machine or network is not asked, however it is written.

import { expect, test } from 'vitest'
import { createIssuerFetch } from '#apps/broker/issuer-fetch.ts'
import type { KeySource } from '#core/subject/jwks-store.ts'

const source = (jwksUri: string): KeySource => ({
  id: 'x',
  issuer: 'https://issuer.example',
  jwksUri,
  caPem: undefined,
})

test.each([
  ['https://127.0.0.1/jwks', /127\.0\.0\.1/],
  ['https://[::ffff:127.0.0.1]/jwks', /not a public address/],
  ['https://2130706433/jwks', /127\.0\.0\.1/],
  ['https://0x7f.1/jwks', /127\.0\.0\.1/],
  ['https://localhost/jwks', /not a public address/],
  ['https://localhost./jwks', /not a public address|ENOTFOUND|EAI_AGAIN/],
  ['http://issuer.example/jwks', /not https/],
  ['file:///etc/passwd', /not https/],
])('%s is not fetched', async (url, reason) => {
  const fetchJwks = createIssuerFetch({ allowPrivateAddresses: false })
  await expect(fetchJwks(source(url))).rejects.toThrow(reason)
  await fetchJwks.close()
})

test('26: the stores of Mayfly itself are not asked, whatever else is allowed', async () => {
  const fetchJwks = createIssuerFetch({ allowPrivateAddresses: true, ownStores: [{ host: 'localhost', port: 5432 }] })
  await expect(fetchJwks(source('https://127.0.0.1:5432/jwks'))).rejects.toThrow(/store of Mayfly itself/)
  await fetchJwks.close()
})
