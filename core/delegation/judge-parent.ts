// Whether an account may have another child, on what is known of it now. Pure; the commit judges its life again.

import type { Account } from '#core/account/account.ts'
import type { ErrorCode } from '#core/errors/codes.ts'
import type { DelegationToken } from '#core/issuer-token/issuer-token.ts'
import type { LineageNow } from '#db/accounts/read-lineages.ts'
import { deepest } from './depth.ts'
import type { Chain } from './lineage.ts'

export interface KnownParent {
  readonly tenantId: string
  /** Undefined: there is no such account any more. */
  readonly account: Account | undefined
  /** Undefined: it is a root, or gone. */
  readonly lineage: LineageNow | undefined
  /** Undefined: its agent is not registered any more. */
  readonly place: Chain | undefined
  readonly nowSeconds: number
}

/** Code, reason and hint of the refusal; undefined: it may. */
export function findParentFault(
  token: DelegationToken,
  { tenantId, account, lineage, place, nowSeconds }: KnownParent,
): readonly [code: ErrorCode, reason: string, hint: string] | undefined {
  if (!account || account.tenantId !== tenantId || account.agentId !== token.agentId || !place)
    return ['account_not_live', 'parent_gone', 'The parent account is over.']
  // A claimed account has no children either, whoever was let back in.
  if (account.state !== 'a' || account.generation !== token.generation || account.deadlineSeconds <= nowSeconds)
    return ['account_not_live', 'parent_ended', 'The parent account is over, or was claimed.']
  if (account.rootId !== null && !lineage?.live)
    return ['account_not_live', 'parent_ended', 'An account above the parent is over, or was claimed.']
  const depth = place.depth + 1
  if (token.depth !== depth) return ['subject_token_refused', 'other_depth', 'It was made for another place in the tree.']
  if (depth > Math.min(place.maxDepth, deepest))
    return ['access_denied', 'too_deep', `No account may be opened at depth ${depth} here.`]
  if (token.maxDepth > place.maxDepth)
    return ['access_denied', 'too_deep', 'The parent may not let its children go so deep any more.']
  return undefined
}
