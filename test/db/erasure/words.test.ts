import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wordPattern } from '#core/audit/erasure/word-pattern.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

async function finds(words: readonly string[], text: string): Promise<boolean> {
  const pattern = wordPattern(words)
  if (pattern === undefined) return false
  const [row] = await db.admin<[{ found: boolean }]>`select ${text}::text ~* ${pattern} as found`
  return row.found
}

describe('what somebody is called', () => {
  test.each([
    ['sam@acme.example', 'sam@acme.example'],
    ['sam@acme.example', 'Sam Miller <SAM@acme.example>, on call'],
    ['sam@acme.example', '{"to":"sam@acme.example"}'],
    ['sam@acme.example', 'ask sam@acme.example.'],
    ['Sam Miller', '{"text":"by Sam Miller (ops)"}'],
    ['repo:acme/orders:actor:sam', '{"sub":"repo:acme/orders:actor:sam"}'],
    ['018f3c5e-8a7b-7c0e-9d1f-2a3b4c5d6e7f', 'subject 018f3c5e-8a7b-7c0e-9d1f-2a3b4c5d6e7f left'],
    ['sam', 'sam'],
    ['sam', '{"owner": "Sam"}'],
    ['type', '{"type": "x", "owner": "type"}'],
    ['o"neil and sons', '{"name":"o\\"neil and sons"}'],
    ['a.b*c (d) [e] {2}|x\\y', 'a.b*c (d) [e] {2}|x\\y'],
    ['Łukasz Żółć', 'von łukasz żółć'],
  ])('%s is found in %s', async (word, text) => {
    expect(await finds([word], text)).toBe(true)
  })

  test.each([
    ['sam@acme.example', 'balsam@acme.example'],
    ['sam@acme.example', 'sam@acme.example.org'.replace('.org', 'x')],
    ['sam@acme.example', 'x.sam@acme.example'],
    ['repo:acme/orders:actor:sam', 'repo:acme/orders:actor:sam2'],
    ['repo:acme/orders:actor:sam', 'repo:acme/orders:actor:sam/x'],
    ['sam', 'the same sample, sam said'],
    ['42', '{"max": 42, "id": "142"}'],
    ['a.b@c.example', 'aXb@c.example'],
    ['Sam Miller', 'Sam Millers'],
    ['type', '{"type":"token.issued"}'],
    ['type', '{"type" : "x", "types": {"a": 1}}'],
  ])('%s is nobody in %s', async (word, text) => {
    expect(await finds([word], text)).toBe(false)
  })

  test('of nothing, nothing is found', () => {
    expect(wordPattern([])).toBeUndefined()
    expect(wordPattern(['', '  '])).toBeUndefined()
  })
})
