// Who wants a certificate, and by what right. Three ways in, each a proof that is looked at here and used up in `enrol.ts`:
//
//   join token     an operator made it for one agent; good once. The instance is new, and nobody else's name can be chosen
//   subject token  a trust source vouches for the workload, and the agent's registration allows it. The same workload is the
//                  same instance whenever it comes
//   certificate    an earlier one of this CA: the same instance goes on

import { BrokerError } from '#core/errors/broker-error.ts'
import { hashSecret, isSecret } from '#core/ids/secret.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { parseAgentSpiffeId } from '#core/subject/agent-spiffe-id.ts'
import { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import type { SubjectRefusal, VerifiedSubject } from '#core/subject/subject.ts'
import type { PresentedJoinToken } from '#db/enrolment/join-tokens.ts'
import type { EnrolDeps } from './enrol-deps.ts'
import type { EnrolCaller, EnrolRequest } from './enrol-request.ts'

/** A right to a certificate. */
export type Enrollee = { readonly agent: Agent; readonly instance: string } & (
  | { readonly by: 'join_token'; readonly joinTokenId: string }
  | { readonly by: 'subject_token'; readonly subject: VerifiedSubject; readonly token: string }
  | { readonly by: 'certificate' }
)

/** agent: set where it is known whose the proof is, so that the refusal is an event of its own. */
export interface EnrolRefusal {
  readonly ok: false
  readonly reason: string
  readonly hint: string
  readonly agent: Agent | undefined
  readonly joinTokenId?: string
}
export type EnrolleeResult = { readonly ok: true; readonly enrollee: Enrollee } | EnrolRefusal

export interface Question {
  readonly deps: EnrolDeps
  readonly snapshot: TenantSnapshot
  readonly request: EnrolRequest
  readonly caller: EnrolCaller
  readonly nowMs: number
  /** The join token that this very request has used up. */
  readonly usedUp: string | undefined
}

const refused = (reason: string, hint: string, agent?: Agent): EnrolRefusal => ({ ok: false, reason, hint, agent })

/** Throws BrokerError `trust_source_unavailable`, `log_unavailable`. */
export function findEnrollee(question: Question): Promise<EnrolleeResult> {
  const { joinToken, subjectToken } = question.request
  if (joinToken !== undefined) return byJoinToken(question, joinToken)
  if (subjectToken !== undefined) return bySubjectToken(question, subjectToken)
  return Promise.resolve(byCertificate(question))
}

const unknownJoinToken = refused('join_token_unknown', 'The join token is unknown, was deleted, or belongs to another tenant.')
const joinTokenHints = {
  used: 'The join token was used before. Ask for another one; if it was not you who used it, say so.',
  expired: 'The join token has expired. Ask for another one.',
} as const

async function byJoinToken({ deps, snapshot, request, usedUp }: Question, secret: string): Promise<EnrolleeResult> {
  const found = isSecret('join', secret) ? await deps.joinTokens.load(hashSecret(secret).toString('hex')) : undefined
  if (found?.tenantId !== snapshot.tenant.id) return unknownJoinToken
  const agent = snapshot.agents.get(found.agentId)
  const state = found.id === usedUp ? 'fresh' : found.state
  if (state !== 'fresh') return { ...refused(`join_token_${state}`, joinTokenHints[state], agent), joinTokenId: found.id }
  if (!agent) return refused('unknown_agent', 'The agent of this join token is not registered any more.')
  return { ok: true, enrollee: { by: 'join_token', agent, joinTokenId: found.id, instance: instanceOf(found, request) } }
}

/** Whatever it is called, its name ends in the join token's id: no other token ever leads to the same instance. */
function instanceOf({ id }: PresentedJoinToken, { instance }: EnrolRequest): string {
  const own = id.replaceAll('-', '')
  return instance === undefined ? own : `${instance}.${own}`
}

async function bySubjectToken(question: Question, token: string): Promise<EnrolleeResult> {
  const { deps, snapshot, request, caller, nowMs } = question
  const tokenHash = SubjectAuthenticator.hashToken(token)
  const verify = () => deps.subjects.verifyJwt(snapshot, { token, tokenHash, request }, nowMs)
  const result = await deps.rejections.watch(snapshot.tenant.id, caller.address, verify)
  if (!result.ok) return fromSubject(result)
  const { subject } = result
  const { agent } = subject
  if (subject.bounds) return refused('bounded_proof', 'A user’s assertion enrols nobody.', agent)
  if (agent.settings.may_enroll !== true)
    return refused(
      'may_not_enroll',
      'This agent may not enrol by a token of a trust source: its registration says may_enroll.',
      agent,
    )
  return { ok: true, enrollee: { by: 'subject_token', agent, subject, token, instance: `w-${subject.opener.slice(0, 32)}` } }
}

function byCertificate({ deps, snapshot, caller, nowMs }: Question): EnrolleeResult {
  const { certificate } = caller
  if (!certificate)
    return refused('no_proof', 'Send join_token or subject_token, or present the certificate to be renewed on the mTLS port.')
  const result = deps.certificates.verify(snapshot, certificate, nowMs)
  if (!result.ok) return fromSubject(result)
  const { agent, trustSourceId, foreign } = result.subject
  const source = snapshot.trustSources.get(trustSourceId)
  const id = source?.kind === 'builtin_ca' ? parseAgentSpiffeId(foreign.subject, source.trustDomain) : undefined
  if (!id) return refused('foreign_certificate', 'Only certificates of the built-in CA are renewed here.', agent)
  return { ok: true, enrollee: { by: 'certificate', agent, instance: id.instance } }
}

const fromSubject = ({ reason, hint }: SubjectRefusal): EnrolRefusal => refused(reason, hint)

/** Throws BrokerError `malformed_request` for what can never be right. */
export function checkShape({ joinToken, subjectToken, instance }: EnrolRequest): void {
  if (joinToken !== undefined && subjectToken !== undefined)
    throw new BrokerError('malformed_request', { hint: 'Send join_token or subject_token, not both.' })
  if (instance !== undefined && joinToken === undefined)
    throw new BrokerError('malformed_request', {
      hint: 'instance goes with a join token; otherwise the proof says which instance it is.',
    })
}
