// Who comes? Dispatches what was presented to the rules for its kind.

import { agentForStrangers, strangerSubject } from '#core/anonymous/stranger.ts'
import { clientSubject } from '#core/client/client-subject.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { ErrorCode } from '#core/errors/codes.ts'
import type { Agent } from '#core/registry/agent.ts'
import { findPinnedKey } from '#core/subject/pinned-key.ts'
import { refuse, type SubjectResult, type VerifiedSubject } from '#core/subject/subject.ts'
import type { Attempt } from './attempt.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import { boundKeysOf } from './presented-keys.ts'

/**
 * Who comes. Nothing is waited for where the subject token was seen before. A refusal is counted, not logged one by one: anyone can
 * cause it.
 */
export function authenticate(attempt: Attempt): VerifiedSubject | Promise<VerifiedSubject> {
  const { deps, input, snapshot, tokenHash, nowMs } = attempt
  const known = deps.subjects.recall(snapshot, tokenHash, nowMs)
  return known && input.request.subjectKind === 'jwt' ? known : authenticateAnew(attempt)
}

async function authenticateAnew(attempt: Attempt): Promise<VerifiedSubject> {
  const { deps, input, snapshot, presented, tokenHash, nowMs } = attempt
  const { subjects, rejections } = deps
  const { request, address } = input
  const { certificate } = presented
  // Whose certificate is an agent's own, or whose token was good before the configuration changed, is no junk, whatever the
  // neighbours behind one address do.
  const ownsCertificate = (): boolean => certificate !== undefined && deps.certificates.verify(snapshot, certificate, nowMs).ok
  rejections.admit(address, () => subjects.wasVerified(tokenHash, nowMs) || ownsCertificate())
  const result = await rejections.watch(snapshot.tenant.id, address, () => verifySubject(attempt))
  if (result.ok) return result.subject
  rejections.count(snapshot.tenant.id, address, result.reason)
  throw new BrokerError(refusalCode(request), { hint: result.hint, detail: result.reason })
}

function verifySubject(attempt: Attempt): SubjectResult | Promise<SubjectResult> {
  const { deps, input, snapshot, presented, tokenHash, nowMs } = attempt
  const { subjectKind, subjectToken, grant } = input.request
  const { certificate, clientKey } = presented
  if (subjectKind === 'jwt') {
    // A user's assertion is for the client that authenticates beside it, and comes by its own grant alone.
    const client = grant === 'jwt_bearer' ? () => findClient(attempt) : undefined
    return deps.subjects.verifyJwt(snapshot, { token: subjectToken, tokenHash, request: input, client }, nowMs)
  }
  if (subjectKind === 'account') return deps.accountSubjects.verify(snapshot, subjectToken, boundKeysOf(presented))
  if (subjectKind === 'certificate') return deps.subjects.verifyCertificate(snapshot, subjectToken, certificate, nowMs)
  if (clientKey !== undefined) {
    const key = findPinnedKey(snapshot, clientKey)
    return key ? { ok: true, subject: clientSubject(key) } : refuse('unproven_assertion', 'No client has this key any more.')
  }
  const own = certificate && deps.certificates.verify(snapshot, certificate, nowMs)
  if (own?.ok) return own
  return (
    findStranger(attempt) ??
    own ??
    refuse('no_client', 'Authenticate the client: by its certificate on the mTLS port, or by client_assertion.')
  )
}

/** Nobody's key, where the tenant takes strangers. It has done work, or names the account that it opened so. */
function findStranger({ input, snapshot, presented }: Attempt): SubjectResult | undefined {
  const agent = agentForStrangers(snapshot)
  const [key] = boundKeysOf(presented)
  if (!agent || !key) return undefined
  if (presented.work || input.request.accountId !== undefined) return { ok: true, subject: strangerSubject(agent, key) }
  return refuse(
    'no_work',
    'This key is nobody’s. To get an account as a stranger, solve a challenge of /anonymous/challenge first.',
  )
}

/** The agent that authenticated beside the assertion: by a registered key, or by its certificate. */
function findClient({ deps, snapshot, presented, nowMs }: Attempt): Agent | undefined {
  const { certificate, clientKey, dpop } = presented
  const thumbprint = clientKey ?? dpop?.thumbprint
  const byKey = thumbprint === undefined ? undefined : findPinnedKey(snapshot, thumbprint)?.agent
  if (byKey || !certificate) return byKey
  const own = deps.certificates.verify(snapshot, certificate, nowMs)
  return own.ok ? own.subject.agent : undefined
}

function refusalCode({ subjectKind, grant }: ExchangeRequest): ErrorCode {
  if (subjectKind === 'account') return 'subject_token_refused'
  if (subjectKind !== 'jwt') return 'client_not_authenticated'
  return grant === 'jwt_bearer' ? 'assertion_refused' : 'subject_token_refused'
}
