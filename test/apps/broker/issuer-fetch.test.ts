// Row 26 of threats.md for the keys of issuers: an address inside this machine or network is not asked, however it is written.

import { expect, test } from 'vitest'
import { createIssuerFetch, isSpecial } from '#apps/broker/issuer-fetch.ts'
import type { KeySource } from '#core/subject/jwks-store.ts'

const source = (jwksUri: string): KeySource => ({
  id: 'x',
  issuer: 'https://issuer.example',
  jwksUri,
  caPem: undefined,
})

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '192.0.2.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  'fd00::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
])('%s is no public address', address => {
  expect(isSpecial(address)).toBe(true)
})

test.each(['1.1.1.1', '140.82.112.3', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::200e'])('%s is one', address => {
  expect(isSpecial(address)).toBe(false)
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
