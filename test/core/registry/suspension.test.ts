import { describe, expect, test } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import { findSuspension, isTrusted } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'

const [agent, source, other] = [newUuid(), newUuid(), newUuid()]
const snapshot = (...suspended: string[]) =>
  ({ suspended: suspended.length > 0 ? new Set(suspended) : undefined }) as TenantSnapshot
const who = { agent: { id: agent }, trustSourceId: source }

describe('who is suspended', () => {
  test.each([
    [[], undefined],
    [[other], undefined],
    [[agent], 'agent_suspended'],
    [[source], 'trust_source_suspended'],
    [[agent, source], 'agent_suspended'],
  ])('with %j suspended: %s', (suspended, reason) => {
    expect(findSuspension(snapshot(...suspended), who)?.reason).toBe(reason)
  })

  test('is asked of the agent alone where nobody’s word is involved', () => {
    expect(findSuspension(snapshot(source), { agent: { id: agent } })).toBeUndefined()
    expect(findSuspension(snapshot(agent), { agent: { id: agent } })?.reason).toBe('agent_suspended')
  })

  test('no word of a suspended trust source counts', () => {
    expect([isTrusted(snapshot(), source), isTrusted(snapshot(other), source), isTrusted(snapshot(source), source)]).toEqual([
      true,
      true,
      false,
    ])
  })
})
