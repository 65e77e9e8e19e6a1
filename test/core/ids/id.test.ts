import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatId, idPrefixes, newId, newUuid, parseId } from '#core/ids/id.ts'

describe('a new id', () => {
  test('is a UUIDv7 whose order is the order of time', () => {
    const early = newUuid(1_000)
    const late = newUuid(1_001)
    expect(early).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(early.replaceAll('-', '').slice(0, 12), 16)).toBe(1_000)
    expect(early < late).toBe(true)
  })

  test('is not given twice, also when the pool of random bytes is filled anew', () => {
    const ids = Array.from({ length: 2_000 }, () => newUuid(1))
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map(id => id.slice(-12))).size).toBe(ids.length)
  })
})

describe('the wire form', () => {
  test('reads back to the uuid for its own kind only', () => {
    const kinds = Object.keys(idPrefixes) as (keyof typeof idPrefixes)[]
    for (const kind of kinds) {
      const uuid = newUuid(1)
      for (const other of kinds) expect(parseId(other, formatId(kind, uuid))).toBe(other === kind ? uuid : undefined)
    }
  })

  test.each([
    ['', 'nothing'],
    ['acct_', 'no digits'],
    [newUuid(), 'a bare uuid'],
    [`${newId('account')}0`, 'a digit too many'],
    [newId('account').slice(0, -1), 'a digit too few'],
    [newId('account').toUpperCase(), 'upper case'],
    [`${newId('account')}\n`, 'a line break behind it'],
    [`acct_${'g'.repeat(32)}`, 'letters that are no digits'],
    [newId('account').replace('_', '-'), 'another separator'],
  ])('%j is no account id: %s', text => {
    expect(parseId('account', text)).toBeUndefined()
  })

  test('of any text is undefined or exactly what was written', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }).map(s => `acct_${s}`),
        ),
        text => {
          const uuid = parseId('account', text)
          return uuid === undefined || formatId('account', uuid) === text
        },
      ),
    )
  })
})
