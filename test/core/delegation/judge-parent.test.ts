import { describe, expect, test } from 'vitest'
import type { Account } from '#core/account/account.ts'
import { findParentFault, type KnownParent } from '#core/delegation/judge-parent.ts'
import { chainOf, lineageOf, lineageOfChild } from '#core/delegation/lineage.ts'
import { findUncarved } from '#core/delegation/quota.ts'
import { formatId } from '#core/ids/id.ts'
import type { DelegationToken } from '#core/issuer-token/issuer-token.ts'
import { standardLimits } from '#core/quota/limits.ts'

const uuid = (n: number): string => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`
const account = (change: Partial<Account> = {}): Account => ({
  id: uuid(1),
  tenantId: uuid(9),
  agentId: uuid(11),
  taskKey: uuid(21),
  taskId: 'task',
  state: 'a',
  generation: 3,
  deadlineSeconds: 200,
  ceilingId: '1',
  opener: '',
  openingKey: null,
  rootId: null,
  readmitted: false,
  ...change,
})
const token = (change: Partial<DelegationToken> = {}): DelegationToken => ({
  kind: 'delegation',
  tokenId: 'at_1',
  accountId: uuid(1),
  generation: 3,
  agentId: uuid(11),
  expiresSeconds: 150,
  delegateId: uuid(12),
  permission: { details: [], scopes: ['a'] },
  depth: 1,
  maxDepth: 4,
  accountTtlSeconds: undefined,
  quota: undefined,
  ...change,
})
const place = { rootId: uuid(1), depth: 0, maxDepth: 4, actors: [] }
const known = (change: Partial<KnownParent> = {}): KnownParent => ({
  tenantId: uuid(9),
  account: account(),
  lineage: undefined,
  place,
  nowSeconds: 100,
  ...change,
})
const childLineage = {
  lineage: lineageOf(uuid(1), lineageOfChild(account({ id: uuid(2) }), undefined, { maxDepth: 4, quota: null })),
  live: true,
}
const child = { account: account({ rootId: uuid(2) }), place: { ...place, rootId: uuid(2), depth: 1 } }

describe('a parent may have another child', () => {
  test.each<[name: string, DelegationToken, KnownParent]>([
    ['a live root', token(), known()],
    ['a live child of a live tree', token({ depth: 2 }), known({ ...child, lineage: childLineage })],
    ['at the greatest depth', token({ depth: 8, maxDepth: 8 }), known({ place: { ...place, depth: 7, maxDepth: 8 } })],
  ])('%s', (_, made, parent) => expect(findParentFault(made, parent)).toBeUndefined())
})

describe('a parent may have none', () => {
  test.each<[name: string, DelegationToken, KnownParent, reason: string]>([
    ['gone', token(), known({ account: undefined }), 'parent_gone'],
    ['of another tenant', token(), known({ tenantId: uuid(8) }), 'parent_gone'],
    ['of another agent', token({ agentId: uuid(13) }), known(), 'parent_gone'],
    ['of an agent that is gone', token(), known({ place: undefined }), 'parent_gone'],
    ...(['m', 'e', 'r', 'x', 'c'] as const).map(
      state =>
        [`in state ${state}`, token(), known({ account: account({ state, readmitted: true }) }), 'parent_ended'] as [
          string,
          DelegationToken,
          KnownParent,
          string,
        ],
    ),
    ['of a later generation', token({ generation: 2 }), known(), 'parent_ended'],
    ['of an earlier generation', token({ generation: 4 }), known(), 'parent_ended'],
    ['at its very deadline', token(), known({ nowSeconds: 200 }), 'parent_ended'],
    [
      'below an account that has ended',
      token({ depth: 2 }),
      known({ ...child, lineage: { ...childLineage, live: false } }),
      'parent_ended',
    ],
    ['below nobody knows what', token({ depth: 2 }), known({ ...child, lineage: undefined }), 'parent_ended'],
    ['at another depth', token({ depth: 2 }), known(), 'other_depth'],
    ['as deep as its tree goes', token({ depth: 5 }), known({ place: { ...place, depth: 4 } }), 'too_deep'],
    ['in a tree that may not be so deep any more', token(), known({ place: { ...place, maxDepth: 3 } }), 'too_deep'],
    ['beyond any depth', token({ depth: 9, maxDepth: 9 }), known({ place: { ...place, depth: 8, maxDepth: 9 } }), 'too_deep'],
  ])('%s', (_, made, parent, reason) => expect(findParentFault(made, parent)?.[1]).toBe(reason))
})

describe('a lineage', () => {
  test('goes from the parent outwards, at the generations of the opening; the chain of actors with it', () => {
    const root = account({ id: uuid(1), agentId: uuid(11), generation: 5 })
    const first = lineageOf(uuid(2), lineageOfChild(root, undefined, { maxDepth: 3, quota: null }))
    const middle = account({ id: uuid(2), agentId: uuid(12), generation: 7, rootId: uuid(1) })
    const second = lineageOf(uuid(3), lineageOfChild(middle, first, { maxDepth: 2, quota: { tokens: 5 } }))
    expect(second).toEqual({
      accountId: uuid(3),
      rootId: uuid(1),
      parentId: uuid(2),
      depth: 2,
      maxDepth: 2,
      ancestors: [uuid(2), uuid(1)],
      generations: [7, 5],
      agents: [uuid(12), uuid(11)],
      quota: { tokens: 5 },
    })
    const leaf = account({ id: uuid(3), rootId: uuid(1) })
    expect(chainOf(leaf, {}, second)).toEqual({
      rootId: uuid(1),
      depth: 2,
      maxDepth: 2,
      actors: [uuid(12), uuid(11)].map(id => formatId('agent', id)),
    })
    expect(chainOf(root, {}, undefined)).toEqual({ rootId: uuid(1), depth: 0, maxDepth: 4, actors: [] })
    expect(chainOf(root, { max_depth: 99 }, undefined).maxDepth).toBe(8)
  })
})

describe('a part of the parent’s limits', () => {
  const limited = { ...standardLimits, account_tokens: 100 }
  test.each([
    ['is not needed where there is no limit', standardLimits, null, undefined, undefined],
    ['is needed where its agent has one', limited, null, undefined, 'tokens'],
    ['is needed where the parent itself has a part only', standardLimits, { spend_units: 5 }, { tokens: 1 }, 'spend_units'],
    ['is there', limited, null, { tokens: 10 }, undefined],
    ['of none is a part too', { ...standardLimits, account_spend_units: 5 }, null, { spend_units: 0 }, undefined],
  ] as const)('%s', (_, limits, own, asked, missing) => expect(findUncarved(limits, own, asked)).toBe(missing))
})
