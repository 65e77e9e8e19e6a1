import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { computeEffective } from '#core/permission/effective.ts'
import { normalisePermission } from '#core/permission/normalise.ts'
import { nothing, type Permission } from '#core/permission/permission.ts'
import { permissionWithin } from '#core/permission/subset.ts'
import { permission } from './arbitraries.ts'

const http = (methods: string[], uri_template: string) => ({
  type: 'agent_http',
  locations: ['https://api.example/v1'],
  methods,
  uri_template,
})

function permit(details: unknown[], scopes: string[] = []): Permission {
  const result = normalisePermission({ details, scopes })
  if (!result.ok) throw new Error(result.reason)
  return result.value
}

const agent = {
  name: 'the agent',
  permission: permit([http(['GET', 'POST'], '/orders/{id}'), http(['GET'], '/flights')], ['a', 'b']),
}
const account = {
  name: 'the account',
  permission: permit([http(['GET'], '/orders/{id}'), http(['POST'], '/orders/{id}')], ['b']),
}
const ask = (requested: Permission, allowNarrowing = false) =>
  computeEffective({ requested, ceilings: [agent, account], allowNarrowing })

describe('computeEffective', () => {
  test('grants exactly what was asked when every ceiling holds it', () => {
    const requested = permit([http(['GET'], '/orders/42')], ['b'])
    expect(ask(requested)).toStrictEqual({ ok: true, granted: requested, dropped: nothing })
  })

  test('asking for a wider entry is an error that names the entry and the ceiling', () => {
    expect(ask(permit([http(['GET'], '/flights')]))).toStrictEqual({
      ok: false,
      problem: 'details',
      reason:
        "The entry 'Send GET to /flights at https://api.example/v1' is not within the ceiling of the account: no one agent_http entry there covers all of it.",
    })
  })

  test('names the ceiling that knows no such type', () => {
    const row = { type: 'agent_row', locations: ['https://db.example/'], actions: ['read'], identifier: 'orders/42' }
    expect(ask(permit([row]))).toMatchObject({ reason: expect.stringMatching(/the agent: it has no agent_row entry\.$/) })
  })

  test('asking for a wider scope is an error that names the scope and the ceiling', () => {
    const expected = { ok: false, problem: 'scope', reason: "The scope 'a' is not within the ceiling of the account." }
    expect(ask(permit([], ['a', 'b']))).toStrictEqual(expected)
  })

  test('never puts two entries of a ceiling together to hold one', () => {
    expect(ask(permit([http(['GET', 'POST'], '/orders/42')])).ok).toBe(false)
  })

  test('narrowing drops whole entries and scopes and says which', () => {
    const requested = permit([http(['GET'], '/orders/42'), http(['GET', 'POST'], '/orders/42')], ['a', 'b'])
    expect(ask(requested, true)).toStrictEqual({
      ok: true,
      granted: permit([http(['GET'], '/orders/42')], ['b']),
      dropped: permit([http(['GET', 'POST'], '/orders/42')], ['a']),
    })
  })

  test('narrowing that leaves nothing is an error', () => {
    expect(ask(permit([http(['PUT'], '/x')], ['z']), true)).toMatchObject({ ok: false, problem: 'empty' })
    expect(ask(permit([], ['a']), true)).toMatchObject({ ok: false, problem: 'empty' })
  })

  test('asking for nothing is an error', () => {
    for (const narrow of [true, false]) expect(ask(nothing, narrow)).toMatchObject({ ok: false, problem: 'empty' })
  })

  test('refuses to work without a ceiling, as that would grant everything', () => {
    expect(() => computeEffective({ requested: agent.permission, ceilings: [], allowNarrowing: false })).toThrow(RangeError)
  })

  test('is within every ceiling and within what was asked; without narrowing all or nothing; complete', () => {
    let granted = 0
    fc.assert(
      fc.property(
        permission,
        fc.array(permission, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (requested, permissions, allowNarrowing) => {
          // A ceiling that also holds some of the request, so that grants happen.
          const ceilings = permissions.map((p, i) => ({
            name: `c${i}`,
            permission: { details: [...p.details, ...requested.details.slice(0, 1)], scopes: p.scopes },
          }))
          const result = computeEffective({ requested, ceilings, allowNarrowing })
          if (!result.ok) {
            expect(result.reason).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
            return
          }
          granted++
          expect(permissionWithin(result.granted, requested)).toBe(true)
          for (const ceiling of ceilings) expect(permissionWithin(result.granted, ceiling.permission)).toBe(true)
          if (!allowNarrowing) expect(result.granted).toBe(requested)
          expect(new Set([...result.granted.details, ...result.dropped.details])).toStrictEqual(new Set(requested.details))
          expect([...result.granted.scopes, ...result.dropped.scopes].sort()).toStrictEqual(requested.scopes)
          for (const detail of result.dropped.details) {
            expect(ceilings.every(c => permissionWithin({ details: [detail], scopes: [] }, c.permission))).toBe(false)
          }
        },
      ),
      { numRuns: 2_000 },
    )
    expect(granted).toBeGreaterThan(200)
  })
})
