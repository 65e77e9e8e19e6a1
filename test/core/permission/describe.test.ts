import { expect, test } from 'vitest'
import { describeDetail, describePermission } from '#core/permission/describe.ts'
import { normalOne } from './arbitraries.ts'

const locations = ['https://api.example/v1']
const digest = '6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M'

test.each([
  [
    { type: 'agent_http', locations, methods: ['GET', 'HEAD'], uri_template: '/orders/{id}' },
    'Send GET, HEAD to /orders/{id} at https://api.example/v1',
  ],
  [
    { type: 'agent_http', locations, methods: ['POST'], uri_template: '/payments', content_digest: digest },
    `Send POST to /payments at https://api.example/v1, only with the body whose SHA-256 is ${digest}`,
  ],
  [
    { type: 'agent_row', locations, actions: ['read', 'update'], identifier: 'orders/42' },
    'Perform read, update on the row orders/42 at https://api.example/v1',
  ],
  [
    { type: 'agent_row', locations, actions: ['read'], identifier: 'orders/*' },
    'Perform read on any row orders/* at https://api.example/v1',
  ],
  [
    { type: 'agent_tool', locations, actions: ['search', 'fetch'], arguments: { repo: 'x', limit: 5 } },
    'Call the tools fetch, search at https://api.example/v1, only with limit = 5, repo = "x"',
  ],
])('describes %j', (raw, sentence) => expect(describeDetail(normalOne(raw))).toBe(sentence))

test('writes bidi and control characters of a constant as escapes', () => {
  const raw = { type: 'agent_tool', locations, actions: ['pay'], arguments: { to: 'a\u202eb\u200b\r\n\u2028é' } }
  expect(describeDetail(normalOne(raw))).toContain('to = "a\\u{202e}b\\u{200b}\\r\\n\\u{2028}é"')
})

test('describes a permission entry by entry, then its scopes', () => {
  const details = [normalOne({ type: 'agent_row', locations, actions: ['read'], identifier: 'orders/42' })]
  expect(describePermission({ details, scopes: ['a', 'b'] })).toStrictEqual([
    'Perform read on the row orders/42 at https://api.example/v1',
    'Hold the scopes a, b',
  ])
})
