import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { drawStatus } from '#core/exchange/draw-status.ts'
import type { Plan } from '#core/exchange/plan.ts'
import { formatId, newId, parseId } from '#core/ids/id.ts'
import { ListNames } from '#core/status-list/list-names.ts'
import { StatusPlaces } from '#core/status-list/status-places.ts'
import { makeResource, makeSnapshot } from '../subject/snapshot.ts'

const snapshot = makeSnapshot({})
const attempt = { deps: { statusPlaces: new StatusPlaces(new ListNames(randomBytes(32))) }, snapshot, nowMs: 1 } as never
const [child, parent] = [randomUUID(), randomUUID()]
const claims = {
  clientId: formatId('agent', child),
  accountId: randomUUID(),
  generation: 2,
  configEpoch: 17,
  chain: { rootId: randomUUID(), depth: 1, maxDepth: 4, actors: [formatId('agent', parent)] },
  resource: makeResource({ status_list: true }),
  idJagAudience: undefined,
  tokenId: newId('token'),
  expiresSeconds: 1_795_305_900,
} as unknown as Plan['claims']

test('a row holds all that a revocation can name of its token, the agents that it acts for among it', () => {
  const { place, row } = drawStatus(attempt, claims, 'kid-1')!
  expect(row).toEqual({
    tenant: snapshot.tenant.id,
    list: place.list,
    idx: place.idx,
    token: parseId('token', claims.tokenId),
    account: claims.accountId,
    generation: 2,
    root: claims.chain.rootId,
    agents: [child, parent],
    config: 17,
    kid: 'kid-1',
    until: claims.expiresSeconds,
  })
})

test.each([
  ['for a resource that does not ask for it', { resource: makeResource() }],
  ['for an ID-JAG, which no resource sees', { idJagAudience: 'https://other.example' }],
])('no place is drawn %s', (_, change) => {
  expect(drawStatus(attempt, { ...claims, ...change }, 'kid-1')).toBeUndefined()
})
