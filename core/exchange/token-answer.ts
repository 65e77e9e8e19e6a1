import { idJagResponseType, idJagTokenType } from '#core/id-jag/mint.ts'
import { formatId } from '#core/ids/id.ts'
import type { AuthorizationDetail } from '#core/permission/permission.ts'
import { accessTokenType } from './exchange-request.ts'
import type { Plan } from './plan.ts'

/** RFC 8693 § 2.2.1, RFC 9396 § 7, and what an agent needs to know of its account. Times in seconds. */
export interface TokenAnswer {
  readonly access_token: string
  readonly issued_token_type: string
  /** `DPoP` where the token is bound to a DPoP key (RFC 9449 § 5), `N_A` for what is no access token (RFC 8693 § 2.2.1). */
  readonly token_type: 'Bearer' | 'DPoP' | 'N_A'
  readonly expires_in: number
  readonly scope?: string | undefined
  readonly authorization_details?: readonly AuthorizationDetail[] | undefined
  readonly account_id: string
  readonly task_id: string
  /** Absent: the account is claimed and has no deadline. */
  readonly account_expires_in?: number | undefined
  readonly claim_uri?: string | undefined
}

function tokenTypeOf({ idJagAudience, delegation, key }: Plan['claims']): TokenAnswer['token_type'] {
  if (idJagAudience !== undefined || delegation) return idJagResponseType
  return key?.kind === 'jkt' ? 'DPoP' : 'Bearer'
}

/** The claim secret stands in the URL's fragment, which browsers do not send: opening the link changes nothing. */
export function tokenAnswer(plan: Plan, token: string, issuer: string, claimSecret: string | undefined): TokenAnswer {
  const { claims } = plan
  const { details, scopes } = claims.granted
  return {
    access_token: token,
    issued_token_type: claims.idJagAudience === undefined ? accessTokenType : idJagTokenType,
    token_type: tokenTypeOf(claims),
    expires_in: claims.expiresSeconds - claims.issuedSeconds,
    // RFC 6749 § 5.1: an absent scope means the requested one, so where all of it was dropped that must be said.
    scope: scopes.length > 0 || plan.dropped.scopes.length > 0 ? scopes.join(' ') : undefined,
    authorization_details: details.length > 0 ? details : undefined,
    account_id: formatId('account', claims.accountId),
    task_id: claims.taskId,
    account_expires_in: Number.isFinite(plan.deadlineSeconds)
      ? Math.floor(plan.deadlineSeconds - claims.issuedSeconds)
      : undefined,
    claim_uri: claimSecret ? `${issuer}/claim#${claimSecret}` : undefined,
  }
}
