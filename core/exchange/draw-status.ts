import { parseId } from '#core/ids/id.ts'
import type { StatusPlace } from '#core/status-list/place.ts'
import type { NewTokenStatus } from '#db/log/append.ts'
import type { Attempt } from './attempt.ts'
import type { Plan } from './plan.ts'

/**
 * A place in a status list, and the row that the token's commit brings, for tokens of resources that ask for it; undefined for all
 * others, and for an ID-JAG, which no resource ever sees. kid: of the key that signs the token.
 */
export function drawStatus(
  { deps, snapshot, nowMs }: Pick<Attempt, 'deps' | 'snapshot' | 'nowMs'>,
  claims: Plan['claims'],
  kid: string,
): { readonly place: StatusPlace; readonly row: NewTokenStatus } | undefined {
  if (!claims.resource.config.status_list || claims.idJagAudience !== undefined) return undefined
  const { tenant } = snapshot
  const place = deps.statusPlaces.draw(tenant, nowMs)
  return {
    place,
    row: {
      tenant: tenant.id,
      list: place.list,
      idx: place.idx,
      token: parseId('token', claims.tokenId)!,
      account: claims.accountId,
      generation: claims.generation,
      root: claims.chain.rootId,
      agents: [claims.clientId, ...claims.chain.actors].map(agent => parseId('agent', agent)!),
      config: claims.configEpoch,
      kid,
      until: claims.expiresSeconds,
    },
  }
}
