// Who calls a verb of an account (`/account/…`). The token says which account; the key that it is bound to must be proven as a
// guard demands it; and whether the account still lives is asked of the database, now. RFC 9068 § 4, RFC 8705 § 3, RFC 9449 § 7.

import { verifyDpopProof } from '#core/dpop/verify-proof.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Rejections } from '#core/exchange/rejections.ts'
import type { Agent } from '#core/registry/agent.ts'
import { findSuspension } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { FirstUses } from '#core/replay/first-uses.ts'
import { keyOfCertificate } from '#core/subject/bound-key.ts'
import type { PresentedCertificate } from '#core/subject/certificate.ts'
import type { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import type { Clock } from '#core/time/clock.ts'
import type { AccountOfToken, LiveAccount } from '#db/accounts/live-account.ts'
import type { RevocableToken } from '#db/revocation/find-revoked.ts'
import type { AccountToken } from './issuer-token.ts'
import type { IssuerTokens } from './issuer-tokens.ts'

export interface AccountAuthentication {
  readonly clock: Clock
  readonly issuerTokens: IssuerTokens
  readonly certificates: Pick<CertificateSubjects, 'verify'>
  readonly firstUses: Pick<FirstUses, 'consume'>
  readonly rejections: Rejections
  /** `findLiveAccount` among a tenant's accounts. */
  readonly findLiveAccount: (tenantId: string, named: AccountOfToken) => Promise<LiveAccount | undefined>
  /** `isRevoked` in a tenant's feed. */
  readonly isRevoked: (tenantId: string, token: RevocableToken) => Promise<boolean>
}

/** A call as it came. */
export interface AccountCall {
  readonly snapshot: TenantSnapshot
  readonly method: string
  /** Where it may have been sent to: configured origins and the path, no query; never from `Host`. */
  readonly urls: readonly string[]
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  /** The `DPoP` header; two of them come joined by a comma and are refused. */
  readonly dpop: string | undefined
  readonly certificate: PresentedCertificate | undefined
  /** Remote address, for limits. */
  readonly address: string
}

/** The account that calls, as it is now, and its agent. */
export interface AccountCaller extends LiveAccount {
  readonly snapshot: TenantSnapshot
  readonly agent: Agent
  readonly token: AccountToken
  /** Remote address, for the private part of the log. */
  readonly address: string
}

/**
 * Throws BrokerError `not_authenticated` for everything that is wrong with token, key or account; `too_many_requests` for an
 * address that fails too often; `log_unavailable` while the database does not answer.
 */
export async function authenticateAccount(deps: AccountAuthentication, call: AccountCall): Promise<AccountCaller> {
  const { snapshot, address } = call
  const refuse = (reason: string, hint: string): BrokerError => {
    deps.rejections.count(snapshot.tenant.id, address, reason)
    return new BrokerError('not_authenticated', { hint, detail: reason })
  }
  const [, scheme, text] = /^(Bearer|DPoP) ([A-Za-z0-9._~+/=-]+)$/i.exec(call.authorization ?? '') ?? []
  if (scheme === undefined || text === undefined)
    throw new BrokerError('not_authenticated', { hint: 'Send a token for this issuer, with scope account, as Bearer or DPoP.' })
  // Whose certificate is an agent's own is no junk, whatever the neighbours behind one address do.
  const { certificate } = call
  const nowMs = deps.clock.nowMs()
  deps.rejections.admit(address, () => certificate !== undefined && deps.certificates.verify(snapshot, certificate, nowMs).ok)
  const verified = await deps.issuerTokens.verify(snapshot, text, nowMs)
  if (!verified.ok) throw refuse(verified.reason, verified.hint)
  const { token } = verified
  if (token.kind !== 'account') throw refuse('not_for_account', 'A token that opens a child account is good for nothing else.')
  const fault = await findKeyFault(deps, call, { token, text, scheme: scheme.toLowerCase() })
  if (fault) throw refuse(...fault)
  const agent = snapshot.agents.get(token.agentId)
  if (!agent) throw refuse('agent_gone', 'Its agent is no longer registered.')
  const suspension = findSuspension(snapshot, { agent })
  if (suspension) throw refuse(suspension.reason, suspension.hint)
  const [live, revoked] = await ask(
    deps.findLiveAccount(snapshot.tenant.id, token),
    deps.isRevoked(snapshot.tenant.id, verified.revocable),
  )
  if (live?.account.agentId !== agent.id)
    throw refuse('account_not_live', 'The account has ended, or was claimed: its earlier tokens ended with that.')
  if (revoked) throw refuse('token_revoked', 'The token was revoked.')
  return { snapshot, agent, token, address, ...live }
}

/** A caller gets its refusal within a second also while the database hangs; that is the pool's statement timeout. */
async function ask<A, B>(...questions: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  try {
    return await Promise.all(questions)
  } catch (cause) {
    throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
  }
}

/** Why the presenter is not who the token belongs to; undefined: it is. */
async function findKeyFault(
  deps: AccountAuthentication,
  call: AccountCall,
  { token, text, scheme }: { readonly token: AccountToken; readonly text: string; readonly scheme: string },
): Promise<readonly [reason: string, hint: string] | undefined> {
  const { key } = token
  // Both ways: a stolen token must not lose its proof by another scheme, nor seem to have one that binds nothing.
  if (scheme !== (key?.kind === 'jkt' ? 'dpop' : 'bearer'))
    return ['wrong_scheme', 'Send a token that is bound to a DPoP key as DPoP, every other one as Bearer.']
  if (key === undefined) return undefined
  if (key.kind === 'x5t#S256') {
    const { certificate } = call
    if (!certificate) return ['no_key', 'The token is bound to a certificate: call on the mTLS port, with it.']
    return keyOfCertificate(certificate).thumbprint === key.thumbprint
      ? undefined
      : ['other_key', 'The token is bound to another certificate.']
  }
  return findProofFault(deps, call, text, key.thumbprint)
}

async function findProofFault(
  deps: AccountAuthentication,
  { snapshot, method, urls, dpop: proof }: AccountCall,
  accessToken: string,
  thumbprint: string,
): Promise<readonly [reason: string, hint: string] | undefined> {
  if (proof === undefined) return ['no_key', 'The token is bound to a DPoP key: send a proof with it.']
  const nowMs = deps.clock.nowMs()
  // As at a guard without nonces: its jti, its time and `ath` tie it to this one call.
  const verify = (url: string) => verifyDpopProof(proof, { method, url, nowMs, requireNonce: false, accessToken })
  let result = await verify(urls[0]!)
  for (const url of urls.slice(1)) if (!result.ok && result.reason === 'wrong_target') result = await verify(url)
  if (!result.ok) return [result.reason, result.hint]
  if (result.jkt !== thumbprint) return ['other_key', 'The token is bound to another DPoP key.']
  const first = await deps.firstUses.consume(snapshot.tenant.id, 'dpop', result.use, result.expiresSeconds)
  return first ? undefined : ['replayed_proof', 'The DPoP proof was used before; make a new one for each request.']
}
