import type { ClaimDeps } from './claim-deps.ts'
import { type AccountView, type DescribedPermission, describeForPeople, viewAccount, viewAgent } from './describe-account.ts'
import { canComeBack, readOrigin } from './read-origin.ts'
import { resolveSecret } from './resolve-secret.ts'
import type { Visitor } from './visitor.ts'

/** What somebody who may claim an account is shown before deciding. */
export interface ClaimOffer extends DescribedPermission {
  readonly account: AccountView & { readonly origin_address: string | null; readonly origin_subject: string | null }
  readonly agent: { readonly id: string; readonly name: string; readonly owner: string | null }
  /** Whether the claimer may let the agent back in. */
  readonly readmission: { readonly offered: boolean }
  readonly claimable: true
}

/** Changes nothing. Throws as `resolveSecret`. */
export async function lookAtClaim(deps: ClaimDeps, visitor: Visitor, secret: string): Promise<ClaimOffer> {
  const { row } = await resolveSecret(deps, visitor, secret)
  const [permission, origin] = await Promise.all([
    deps.ceilings.get(row.ceilingId),
    readOrigin(deps.dbOf(row.tenantId), deps.keyEncryption, row.id),
  ])
  return {
    account: { ...viewAccount(row), origin_address: origin.address, origin_subject: origin.subject },
    agent: viewAgent(visitor.snapshot, row.agentId),
    ...describeForPeople(permission, visitor.snapshot),
    readmission: { offered: canComeBack(origin) },
    claimable: true,
  }
}
