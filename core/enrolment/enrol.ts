// From a proof and a key to a certificate. In order:
//
//   who, by what right → which key → claim the right (the join token is used up) → sign → commit → answer
//
// As with tokens, the commit is the judge: the event of the issuance is written only if the tenant's configuration is still the
// one that was decided under, which holds for the CA's key too. No certificate leaves before its event stands in the log.

import { eventOnly } from '#core/audit/event-only.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { findSuspension } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { BuiltinCaTrustSource } from '#core/registry/trust-source.ts'
import { writeAgentSpiffeId } from '#core/subject/agent-spiffe-id.ts'
import type { AppendOutcome } from '#db/log/append.ts'
import { claimRight, releaseRight } from './claim-right.ts'
import type { EnrolDeps } from './enrol-deps.ts'
import type { EnrolCaller, Enrolled, EnrolRequest } from './enrol-request.ts'
import { checkShape, type Enrollee, type EnrolRefusal, findEnrollee } from './enrollee.ts'
import { ensureCa } from './ensure-ca.ts'
import { issuedEvent, refusedEvent } from './events.ts'
import { issueCertificate } from './issue-certificate.ts'
import { findKeyFault, pinOf } from './key-of-proof.ts'
import { csrHints, readCsr, type SigningRequest } from './read-csr.ts'

export interface EnrolInput {
  readonly snapshot: TenantSnapshot
  readonly request: EnrolRequest
  readonly caller: EnrolCaller
}

interface Attempt extends EnrolInput {
  readonly deps: EnrolDeps
  readonly nowMs: number
}

const maxAttempts = 5
const standardTtlSeconds = 3600

/** Throws BrokerError; the refusal of a proof that is somebody's stands in the log before. */
export async function enrol(deps: EnrolDeps, input: EnrolInput): Promise<Enrolled> {
  let { snapshot } = input
  admit(deps, input)
  checkShape(input.request)
  let usedUp: string | undefined
  let claimed = false
  for (let tries = 0; tries < maxAttempts; tries++) {
    const attempt: Attempt = { ...input, deps, snapshot, nowMs: deps.clock.nowMs() }
    const enrollee = await authenticate(attempt, usedUp)
    const csr = await readRequest(attempt, enrollee)
    const source = findCa(snapshot)
    if (!source) {
      snapshot = await makeCa(attempt)
      continue
    }
    const spiffeId = writeAgentSpiffeId(source.trustDomain, enrollee.agent.clientId, enrollee.instance)
    await refuseOtherNames(attempt, enrollee, csr, spiffeId)
    // A join token is used up once; the other rights are looked at under each configuration that is decided under.
    if (!claimed || enrollee.by !== 'join_token') await claim(attempt, enrollee)
    claimed = true
    if (enrollee.by === 'join_token') usedUp = enrollee.joinTokenId
    const outcome = await issueOrRelease(attempt, enrollee, { csr, source, spiffeId })
    if (typeof outcome !== 'string') return outcome
    if (outcome === 'subject_token_pinned') await refuse(attempt, pinnedElsewhere(enrollee))
    snapshot = await currentSnapshot(deps, snapshot)
  }
  throw new BrokerError('overloaded', { detail: 'the registration kept changing under the request', retryAfterSeconds: 1 })
}

/** Junk of one address is turned away before anything is looked up; who holds a good certificate is none. */
function admit(deps: EnrolDeps, { snapshot, caller }: EnrolInput): void {
  const { certificate, address } = caller
  const own = (): boolean => certificate !== undefined && deps.certificates.verify(snapshot, certificate, deps.clock.nowMs()).ok
  deps.rejections.admit(address, own)
}

async function authenticate(attempt: Attempt, usedUp: string | undefined): Promise<Enrollee> {
  const result = await findEnrollee({ ...attempt, usedUp })
  if (!result.ok) return refuse(attempt, result)
  const { enrollee } = result
  const suspension = findSuspension(attempt.snapshot, { agent: enrollee.agent, trustSourceId: voucherOf(attempt, enrollee) })
  return suspension ? refuse(attempt, refusalOf(enrollee, suspension.reason, suspension.hint)) : enrollee
}

/** Who says that the workload is the agent: the trust source of its token, else the built-in CA. uuid. */
const voucherOf = ({ snapshot }: Attempt, enrollee: Enrollee): string | undefined =>
  enrollee.by === 'subject_token' ? enrollee.subject.trustSourceId : findCa(snapshot)?.id

async function readRequest(attempt: Attempt, enrollee: Enrollee): Promise<SigningRequest> {
  const read = readCsr(attempt.request.csr)
  if (!read.ok) return refuse(attempt, refusalOf(enrollee, read.fault, csrHints[read.fault]), 'csr_refused')
  const fault = findKeyFault(enrollee, attempt.caller, read.request)
  return fault === undefined ? read.request : refuse(attempt, refusalOf(enrollee, fault.reason, fault.hint))
}

/** A request may repeat who it is for, and nothing else. */
async function refuseOtherNames(attempt: Attempt, enrollee: Enrollee, csr: SigningRequest, spiffeId: string): Promise<void> {
  const { commonName = enrollee.agent.clientId, uri = spiffeId } = csr
  if (commonName === enrollee.agent.clientId && uri === spiffeId) return
  await refuse(attempt, refusalOf(enrollee, 'csr_asks_identity', csrHints.csr_asks_identity), 'csr_refused')
}

async function claim(attempt: Attempt, enrollee: Enrollee): Promise<void> {
  const { deps, snapshot, nowMs } = attempt
  const notAfter = new Date(nowMs + ttlOf(enrollee) * 1000)
  const lost = await claimRight(deps.db.forTenant(snapshot.tenant.id), { snapshot, enrollee, notAfter, nowMs })
  if (lost) await refuse(attempt, refusalOf(enrollee, lost.reason, lost.hint))
}

interface Order {
  readonly csr: SigningRequest
  readonly source: BuiltinCaTrustSource
  readonly spiffeId: string
}

/** What fails here, the log among it, must not cost a join token: no certificate has left, so there is none. */
async function issueOrRelease(attempt: Attempt, enrollee: Enrollee, order: Order): ReturnType<typeof issue> {
  try {
    return await issue(attempt, enrollee, order)
  } catch (error) {
    // Where this fails too, the token is lost; what is thrown is what came first.
    await releaseRight(attempt.deps.db.forTenant(attempt.snapshot.tenant.id), enrollee).catch(() => {})
    throw error
  }
}

/** Answers the outcome when nothing was written: then nothing was issued. */
async function issue(attempt: Attempt, enrollee: Enrollee, order: Order): Promise<Enrolled | Exclude<AppendOutcome, 'appended'>> {
  const { deps, snapshot, nowMs } = attempt
  const { csr, source, spiffeId } = order
  const { clientId } = enrollee.agent
  const tenantId = snapshot.tenant.id
  const ca = await deps.signers.find(tenantId)
  if (!ca) throw new BrokerError('internal', { detail: `the CA of tenant ${tenantId} has no active key` })
  const lifetimeSeconds = ttlOf(enrollee)
  const certificate = await issueCertificate(ca, { spki: csr.spki, spiffeId, clientId, nowMs, lifetimeSeconds })
  const event = issuedEvent(attempt, enrollee, { certificate, spiffeId, caKid: ca.kid })
  const outcome = await deps.log.append({
    ...eventOnly(tenantId, event),
    configEpoch: snapshot.configEpoch,
    pin: pinOf(enrollee, csr),
  })
  if (outcome !== 'appended') return outcome
  return {
    certificatePem: certificate.pem,
    chainPem: certificate.pem,
    caPem: source.anchorsPem.join(''),
    spiffeId,
    clientId,
    notAfterMs: certificate.notAfterMs,
    renewAfterMs: Math.floor((nowMs + certificate.notAfterMs) / 2),
  }
}

/** Throws. A refusal that concerns a known agent is an event of its own; others are counted like any junk. */
async function refuse(
  { deps, snapshot, caller, nowMs }: Attempt,
  refusal: EnrolRefusal,
  code: 'enrolment_refused' | 'csr_refused' = 'enrolment_refused',
): Promise<never> {
  deps.rejections.count(snapshot.tenant.id, caller.address, refusal.reason)
  if (refusal.agent) await deps.log.append(eventOnly(snapshot.tenant.id, refusedEvent({ snapshot, nowMs }, refusal)))
  throw new BrokerError(code, { hint: refusal.hint, detail: refusal.reason })
}

function refusalOf(enrollee: Enrollee, reason: string, hint: string): EnrolRefusal {
  const joinTokenId = enrollee.by === 'join_token' ? { joinTokenId: enrollee.joinTokenId } : {}
  return { ok: false, agent: enrollee.agent, reason, hint, ...joinTokenId }
}

const pinnedElsewhere = (enrollee: Enrollee): EnrolRefusal =>
  refusalOf(enrollee, 'pinned_to_other_key', 'The subject token was first used with another key and belongs to it.')

const ttlOf = ({ agent }: Enrollee): number => agent.settings.certificate_ttl_seconds ?? standardTtlSeconds

function findCa({ trustSources }: TenantSnapshot): BuiltinCaTrustSource | undefined {
  for (const source of trustSources.values()) if (source.kind === 'builtin_ca') return source
  return undefined
}

async function makeCa({ deps, snapshot, nowMs }: Attempt): Promise<TenantSnapshot> {
  const change = { tenantId: snapshot.tenant.id, facts: { by: 'enrolment' }, nowMs }
  await deps.db
    .forTenant(snapshot.tenant.id)
    .transaction()
    .execute(trx => ensureCa(trx, deps, change))
  return currentSnapshot(deps, snapshot)
}

async function currentSnapshot(deps: EnrolDeps, { tenant }: TenantSnapshot): Promise<TenantSnapshot> {
  const snapshot = await deps.directory.refresh(tenant.id)
  if (!snapshot) throw new BrokerError('not_found', { hint: 'This tenant no longer exists.' })
  return snapshot
}
