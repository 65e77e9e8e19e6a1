// `once`: the broker is the store that all replicas of a resource share. The first to ask gets 200, everybody after it 409.
// Every other answer, and no answer, refuses the request: whether the token was used cannot be known then.

import type { BrokerConnection } from '../broker/broker-connection.ts'
import type { TaskTokenClaims } from '../token/claims.ts'
import type { Reason } from '../verdict.ts'

/** The resource's secret at the broker (`mfr_…`), or how to read it. */
export type Credential = string | (() => string | Promise<string>)

/** The secret as it is now. */
export async function secretOf(credential: Credential): Promise<string> {
  return typeof credential === 'function' ? await credential() : credential
}

/** Consumes the token. Undefined means that this was its first use. */
export async function consume(
  connection: BrokerConnection,
  issuer: string,
  credential: Credential,
  claims: TaskTokenClaims,
): Promise<Reason | undefined> {
  try {
    const body = { token_id: claims.jti, nonce: claims.nonce, exp: claims.exp }
    const answer = await connection.post(endpoint(issuer, 'consume'), body, await secretOf(credential))
    if (answer.status === 200) return undefined
    return answer.status === 409 ? 'token_already_used' : 'consume_unavailable'
  } catch {
    return 'consume_unavailable'
  }
}

/** The address of one of the issuer's endpoints. */
export function endpoint(issuer: string, path: string): string {
  return `${issuer.replace(/\/$/, '')}/${path}`
}
