// Generators of raw details, ceilings that often hold them, and live requests that often match: from small alphabets, so
// that subset and match are true often enough for the laws to be tested and not only their premises refused.

import fc from 'fast-check'
import type { HttpRequest } from '#core/permission/agent-http.ts'
import type { RowRequest } from '#core/permission/agent-row.ts'
import type { ToolRequest } from '#core/permission/agent-tool.ts'
import { normaliseDetails } from '#core/permission/normalise.ts'
import type { AuthorizationDetail, Permission } from '#core/permission/permission.ts'

const digests = ['6etJWsy84qDpW74Hm5-eQsyuIDccFRbj7TA20qeHz1M', '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU']
const locations = ['https://a.example/', 'https://b.example/v1']
/** Other spellings of the same two locations. */
const spelled = [...locations, 'HTTPS://A.example:443/', 'https://b.example/x/../v1', 'https://b.example/%76%31']

const some = (items: readonly string[]) =>
  fc.subarray([...items], { minLength: 1 }).chain(list => fc.shuffledSubarray(list, { minLength: list.length }))
const segment = fc.constantFrom('42', 'o', '~b', '%7Eb', 'x%20y', '%7eb', 'a;b=1')
const pathOf = (part: fc.Arbitrary<string>, last: fc.Arbitrary<string>) =>
  fc.tuple(fc.array(part, { maxLength: 2 }), last).map(([head, tail]) => [...head, tail].join('/'))

const template = pathOf(fc.oneof(segment, fc.constantFrom('{id}', '{x}')), fc.oneof(segment, fc.constantFrom('{n}', '{y}', '')))
  .map(text => `/${text}`)
  .filter(text => new Set(text.match(/\{\w+\}/g) ?? []).size === (text.match(/\{\w+\}/g) ?? []).length)

const rawHttp = fc.record(
  {
    type: fc.constant('agent_http'),
    locations: some(spelled),
    methods: some(['GET', 'get', 'POST', 'Head']),
    uri_template: template,
    content_digest: fc.constantFrom(...digests),
  },
  { requiredKeys: ['type', 'locations', 'methods', 'uri_template'] },
)

const rawRow = fc.record({
  type: fc.constant('agent_row'),
  locations: some(spelled),
  actions: some(['read', 'update', 'Read']),
  identifier: pathOf(fc.oneof(segment, fc.constant('*')), fc.oneof(segment, fc.constant('*'))),
})

const constants = fc.constantFrom<(string | number | boolean)[]>('x', '1', 1, 0, true, false, '\u202egnp"\\', '')
const rawTool = fc.record(
  {
    type: fc.constant('agent_tool'),
    locations: some(spelled),
    actions: some(['search', 'Search', 'repo/create', '_x.y']),
    arguments: fc.dictionary(fc.constantFrom('b', 'a', 'constructor', '$x'), constants, { maxKeys: 2, noNullPrototype: true }),
  },
  { requiredKeys: ['type', 'locations', 'actions'] },
)

export const rawOf = { agent_http: rawHttp, agent_row: rawRow, agent_tool: rawTool } as const
export type TypeName = keyof typeof rawOf
export const typeNames = Object.keys(rawOf) as TypeName[]

/** The single normal entry of a raw one that is known to be good. */
export function normalOne(raw: unknown): AuthorizationDetail {
  const result = normaliseDetails([raw])
  if (!result.ok) throw new Error(result.reason)
  return result.details[0]!
}

export const detailOf = (type: TypeName) => (rawOf[type] as fc.Arbitrary<unknown>).map(normalOne)
export const anyRaw: fc.Arbitrary<Record<string, unknown>> = fc.oneof(rawHttp, rawRow, rawTool)

const scopes = fc.subarray(['orders:read', 'orders:write', 'x'])
export const permission: fc.Arbitrary<Permission> = fc.tuple(fc.array(anyRaw, { maxLength: 4 }), scopes).map(([raw, granted]) => {
  const result = normaliseDetails(raw)
  if (!result.ok) throw new Error(result.reason)
  return { details: result.details, scopes: granted.sort() }
})

const live = fc.constantFrom('42', 'o', '~b', '%7Eb', 'x%20y', 'a;b=1', 'other', '', '..', '%2F', '*', '{id}')
const location = fc.constantFrom(...locations)
const httpRequest: fc.Arbitrary<HttpRequest> = fc.record(
  {
    location,
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'get'),
    path: pathOf(live, live).map(text => `/${text}`),
    contentDigest: fc.constantFrom(...digests),
  },
  { requiredKeys: ['location', 'method', 'path'] },
)
const rowRequest: fc.Arbitrary<RowRequest> = fc.record({
  location,
  action: fc.constantFrom('read', 'update', 'Read'),
  identifier: pathOf(live, live),
})
const toolRequest: fc.Arbitrary<ToolRequest> = fc.record({
  location,
  tool: fc.constantFrom('search', 'Search', 'repo/create'),
  arguments: fc.dictionary(fc.constantFrom('b', 'a', 'c', 'constructor'), fc.oneof(constants, fc.constant(null)), {
    noNullPrototype: true,
  }),
})
export const requestOf = { agent_http: httpRequest, agent_row: rowRequest, agent_tool: toolRequest } as const
