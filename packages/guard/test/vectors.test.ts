import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { resourceHash } from '../src/token/resource-set.ts'

const iss = 'https://broker.example'
const api = 'https://api.example/v1'
const payments = {
  content_digest: '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M',
  locations: [api],
  methods: ['POST'],
  type: 'agent_http',
  uri_template: '/payments',
}

test.each([
  {
    name: 'V1: one path and a scope',
    claims: {
      iss,
      aud: api,
      scope: 'flights:read',
      authorization_details: [{ locations: [api], methods: ['GET'], type: 'agent_http', uri_template: '/flights/{id}' }],
    },
    hash: 'oyyPSOSULP6E0TDFWvEYLZ98xxeaQdLptkpVmcTQ7To',
  },
  {
    name: 'V2: a row and a path, no scope',
    claims: {
      iss,
      aud: 'https://db.example/',
      authorization_details: [
        { actions: ['read'], identifier: 'orders/42', locations: ['https://db.example/'], type: 'agent_row' },
        { locations: ['https://db.example/'], methods: ['GET'], type: 'agent_http', uri_template: '/orders/42' },
      ],
    },
    hash: 'jH0cVDpJQigZLfRoKvVvYH-kK9I2tphaN05cXPe_FwI',
  },
  {
    name: 'V3: one exact body',
    claims: { iss, aud: api, authorization_details: [payments] },
    hash: 'YbojazYmx6A2NOsgU3lCmdQm5y8f29aM8qpVbBmH2Os',
  },
])('the resource hash reproduces the published vector $name', ({ claims, hash }) => {
  expect(resourceHash(claims)).toBe(hash)
})

test('the digest of V3 is that of its body', () => {
  expect(createHash('sha256').update('{"amount":"10.00"}').digest('base64url')).toBe(payments.content_digest)
})
