// Names of operations follow from their method and path, so that what the broker gains is there by a name that one would guess.

import { expect, test } from 'vitest'
import { type OpenApiDocument, readOperations } from '../generate/document.ts'
import { generateClient } from '../generate/generate.ts'
import { nameOperations, parametersOf, singularOf } from '../generate/names.ts'

const json = (schema: Record<string, unknown>) => ({ content: { 'application/json': { schema } } })
const item = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
const page = json({ type: 'object', properties: { items: { type: 'array', items: item }, next_cursor: { type: 'string' } } })
const thing = json(item)
const cursor = [{ in: 'query', name: 'cursor', schema: { type: 'string' } }]
const list = { summary: 'List', parameters: cursor, responses: { '200': page } }
const one = { summary: 'One', responses: { '200': thing } }
const sent = {
  summary: 'Send',
  requestBody: json({ type: 'object', required: ['a'], properties: { a: { type: 'string' } } }),
  responses: { '201': thing, '202': thing },
}

const paths: OpenApiDocument['paths'] = {
  '/v1/join-points': { get: list, post: sent },
  '/v1/join-points/{id}': { get: one, put: sent, delete: { responses: { '204': {} } } },
  '/v1/join-points/{id}/tree': { get: one },
  '/v1/join-points/{id}/end': { post: one },
  '/v1/join-points/{id}/limits': { get: one, put: sent },
  '/v1/join-points/{id}/key-pairs': { get: list },
  '/v1/join-points/{id}/key-pairs/{key_pair_id}': { delete: { responses: { '204': {} } } },
  '/v1/whoami': { get: one },
  '/t/{slug}/v1/whoami': { get: one },
  '/v1/stream': { get: { responses: { '200': { content: { 'text/event-stream': {} } } } } },
}

test('each operation is named after its path, and what only one tenant’s path or a stream is has no name', () => {
  const names = nameOperations(readOperations({ paths }))
  expect([...names].map(([{ method, path }, name]) => `${method} ${path} ${name}`)).toEqual([
    'GET /v1/join-points joinPoints.list',
    'POST /v1/join-points joinPoints.create',
    'GET /v1/join-points/{id} joinPoints.get',
    'PUT /v1/join-points/{id} joinPoints.replace',
    'DELETE /v1/join-points/{id} joinPoints.delete',
    'GET /v1/join-points/{id}/tree joinPoints.tree',
    'POST /v1/join-points/{id}/end joinPoints.end',
    'GET /v1/join-points/{id}/limits joinPoints.limits.get',
    'PUT /v1/join-points/{id}/limits joinPoints.limits.set',
    'GET /v1/join-points/{id}/key-pairs joinPoints.keyPairs.list',
    'DELETE /v1/join-points/{id}/key-pairs/{key_pair_id} joinPoints.keyPairs.delete',
    'GET /v1/whoami whoami',
  ])
  expect(parametersOf('/v1/join-points/{id}/key-pairs/{key_pair_id}')).toEqual(['id', 'keyPairId'])
})

test.each([
  [['agents'], 'Agent'],
  [['resources', 'credentials'], 'ResourceCredential'],
  [['people'], 'Person'],
  [['policies'], 'Policy'],
  [['usage'], 'Usage'],
  [['status'], 'Status'],
])('one of %j is a %s', (words, expected) => expect(singularOf(words)).toBe(expected))

test('two operations never share a name', () => {
  const twice = { '/v1/a-b': { get: one }, '/v1/aB': { get: one } }
  expect(() => nameOperations(readOperations({ paths: twice }))).toThrow('would both be aB')
})

test('the same schema is one type, a change that may wait says so, and a list gives its items', async () => {
  const text = await generateClient({ document: { paths }, errorCodes: ['b', 'a', 'b'] })
  expect(text).toContain("  | 'a'\n  | 'b'\n\n")
  expect(text).toContain('create(body: JoinPointInput, options?: ApiCallOptions): Promise<JoinPoint | Waiting>')
  expect(text).toContain('get(id: string, options?: ApiCallOptions): Promise<JoinPoint>')
  expect(text).toContain('list(options?: ApiCallOptions): Pages<JoinPoint>')
  expect(text).toContain('delete(id: string, keyPairId: string, options?: ApiCallOptions): Promise<undefined>')
})
