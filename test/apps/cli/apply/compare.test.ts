import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findDifferences, keyOf } from '#apps/cli/apply/compare.ts'
import type { Schema } from '#apps/cli/apply/file-schema.ts'

const schema: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string' },
    ceiling: { type: 'object', properties: { scope: { type: 'string' }, authorization_details: { type: 'array' } } },
    enforces: { type: 'array', default: [] },
    ttl: { type: 'integer', default: 300 },
    settings: { type: 'object', properties: { binding: { default: 'pop' }, may_open: { default: true } } },
    rules: { type: 'array', items: { type: 'object', properties: { group: { type: 'string' } } } },
  },
}
const compare = (wanted: object, registered: object) =>
  findDifferences(wanted as never, registered as never, schema).map(({ path, was, value }) => [path, was, value])

describe('nothing differs', () => {
  test.each([
    [
      'where a default is left out',
      { name: 'a' },
      { name: 'a', ttl: 300, enforces: [], settings: { binding: 'pop', may_open: true } },
    ],
    ['where a nested default is left out', { name: 'a', settings: {} }, { name: 'a', settings: { binding: 'pop' } }],
    ['in the order of a set of texts', { name: 'a', enforces: ['rar', 'cnf', 'rar'] }, { name: 'a', enforces: ['cnf', 'rar'] }],
    ['in the order of scopes', { name: 'a', ceiling: { scope: 'b a b' } }, { name: 'a', ceiling: { scope: 'a b' } }],
    [
      'in the order of permissions and of what is in them',
      { name: 'a', ceiling: { authorization_details: [{ type: 't', methods: ['POST', 'GET'] }, { type: 's' }] } },
      { name: 'a', ceiling: { authorization_details: [{ type: 's' }, { methods: ['GET', 'POST'], type: 't' }] } },
    ],
  ])('%s', (_, wanted, registered) => {
    expect(compare(wanted, registered)).toEqual([])
  })
})

describe('it differs', () => {
  test.each([
    ['in a value', { name: 'a', ttl: 5 }, { name: 'a', ttl: 300 }, [['ttl', 300, 5]]],
    ['where a value goes back to its default', { name: 'a' }, { name: 'a', ttl: 5 }, [['ttl', 5, 300]]],
    ['deep inside', { name: 'a', settings: { may_open: false } }, { name: 'a' }, [['settings.may_open', true, false]]],
    ['where a member goes', { name: 'a' }, { name: 'a', extra: 'x' }, [['extra', 'x', undefined]]],
    [
      'in the order of rules, of which the first decides',
      { name: 'a', rules: [{ group: 'x' }, { group: 'y' }] },
      { name: 'a', rules: [{ group: 'y' }, { group: 'x' }] },
      [
        ['rules.0.group', 'y', 'x'],
        ['rules.1.group', 'x', 'y'],
      ],
    ],
  ])('%s', (_, wanted, registered, differences) => {
    expect(compare(wanted, registered)).toEqual(differences)
  })
})

const thing = fc.record({
  name: fc.string(),
  ttl: fc.option(fc.integer(), { nil: undefined }),
  enforces: fc.option(fc.array(fc.string()), { nil: undefined }),
  rules: fc.option(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), { nil: undefined }),
})

test('whatever is registered does not differ from itself, and differences are found from both sides', () => {
  fc.assert(
    fc.property(thing, thing, (a, b) => {
      expect(compare(a, a)).toEqual([])
      expect(compare(a, b).length === 0).toBe(compare(b, a).length === 0)
    }),
  )
})

test('the key of a value does not depend on the order of its members, and tells values apart', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => {
      const turned = Object.fromEntries(Object.entries(value).reverse())
      expect(keyOf(turned)).toBe(keyOf(value))
      expect(keyOf({ ...value, another: 1 })).not.toBe(keyOf({ ...value, another: '1' }))
    }),
  )
})
