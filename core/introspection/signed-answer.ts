// RFC 9701: the answer as a JWT, for a resource that must be able to prove later what it was told. It is no access token, and cannot be
// taken for one: its `typ` is its own, and nothing of the token stands at its top (§ 5).

import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Introspection } from './introspect.ts'

export const signedAnswerTyp = 'token-introspection+jwt'
const mediaType = `application/${signedAnswerTyp}`

/** Whether an `Accept` header asks for it by name (§ 4); a wildcard does not. */
export function asksForSignedAnswer(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some(range => {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
    return type === mediaType && !parameters.some(parameter => /^q=0(\.0*)?$/.test(parameter))
  })
}

/** Signed by the tenant for the resource that asked, with the algorithm of its tokens. nowMs: the database's clock. */
export function signAnswer(
  { tenant, signers, resourcesByUri }: TenantSnapshot,
  resourceId: string,
  answer: Introspection,
  nowMs: number,
): Promise<string> {
  const resource = [...resourcesByUri.values()].find(({ id }) => id === resourceId)
  const signer = resource && signers.get(resource.config.alg)
  if (!signer) throw new BrokerError('internal', { detail: `no key for answers to resource ${resourceId}` })
  const claims = { iss: tenant.issuer, aud: resource.uri, iat: Math.floor(nowMs / 1000), token_introspection: answer }
  return signer.sign(JSON.stringify(claims), signedAnswerTyp)
}
