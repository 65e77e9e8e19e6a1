import { describe, expect, test } from 'vitest'
import { ensureNamed, ensureResource, holds } from '#apps/standalone/seed/ensure.ts'
import type { OperatorClient, Registered } from '#apps/standalone/seed/operator-client.ts'

/** As much of `/v1` as is needed: a collection, and what was asked of it. */
function registry(items: Registered[]) {
  const calls: string[] = []
  const client = {
    list: async () => items,
    call: async (method: string, path: string, body?: object) => {
      calls.push(`${method} ${path}`)
      return { id: 'new', ...body }
    },
  } as unknown as OperatorClient
  return { client, calls }
}

describe('holds', () => {
  test.each([
    ['more members than wanted', { a: 1, b: 2 }, { a: 1 }, true],
    ['another value', { a: 1 }, { a: 2 }, false],
    ['a missing member', {}, { a: 1 }, false],
    ['a list that is longer', { a: [1, 2] }, { a: [1] }, false],
    ['a list in another order', { a: [1, 2] }, { a: [2, 1] }, false],
    ['more members inside a list', { a: [{ x: 1, y: 2 }] }, { a: [{ x: 1 }] }, true],
    ['nothing where an object is wanted', { a: null }, { a: {} }, false],
    ['a text where a list is wanted', { a: 'x' }, { a: ['x'] }, false],
  ])('%s', (_, found, wanted, expected) => expect(holds(found, wanted)).toBe(expected))
})

describe('ensure', () => {
  const wanted = { name: 'demo', issuer: 'https://localhost:1' }

  test('registers what is missing', async () => {
    const { client, calls } = registry([{ id: 'a', name: 'other' }])
    await ensureNamed(client, '/v1/x', wanted)
    expect(calls).toEqual(['POST /v1/x'])
  })

  test('leaves alone what is as it should be, so that a start leaves no trace in the log', async () => {
    const { client, calls } = registry([{ id: 'a', ...wanted, created_at: 'then' }])
    expect((await ensureNamed(client, '/v1/x', wanted)).id).toBe('a')
    expect(calls).toEqual([])
  })

  test('replaces what differs', async () => {
    const { client, calls } = registry([{ id: 'a', ...wanted, issuer: 'https://localhost:2' }])
    await ensureNamed(client, '/v1/x', wanted)
    expect(calls).toEqual(['PUT /v1/x/a'])
  })

  test('removes a resource of the same name at another address, and no other', async () => {
    const { client, calls } = registry([
      { id: 'old', name: 'orders', uri: 'https://localhost:1/o' },
      { id: 'else', name: 'mine', uri: 'https://localhost:1/m' },
    ])
    await ensureResource(client, { name: 'orders', uri: 'https://localhost:2/o' })
    expect(calls).toEqual(['DELETE /v1/resources/old', 'POST /v1/resources'])
  })
})
