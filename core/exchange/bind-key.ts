// Which key will the token be bound to, and does the presenter's key prove anything?
//
// A key counts as proof of possession only if the subject token's own `cnf` names it, or if the key by itself is recognised as
// the same agent: a certificate by its trust source, a DPoP key or the key of a client assertion by its registration. A key
// that is merely present proves nothing: a thief has one too. Without proof the exchange is `bearer`, allowed only where the
// agent's registration says so, and the subject token then belongs to the first key that used it, until it ends.
//
// The credential of an account that was opened ahead always needs a key, and belongs to the first one for good.

import type { Agent } from '#core/registry/agent.ts'
import { isTrusted } from '#core/registry/suspension.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type BoundKey, isSameKey, keyOfCertificate } from '#core/subject/bound-key.ts'
import type { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { findPinnedKey, type PinnedKey } from '#core/subject/pinned-key.ts'
import type { SubjectResult, VerifiedSubject } from '#core/subject/subject.ts'
import { type Denial, deny } from './denial.ts'
import type { PresentedKeys } from './presented-keys.ts'

export interface KeyBinding {
  readonly ok: true
  readonly binding: 'pop' | 'bearer'
  /** What the token will be bound to: the DPoP key before the certificate; undefined: no key was presented. */
  readonly key: BoundKey | undefined
  /** The token ends with it. Seconds since the epoch. */
  readonly notAfterSeconds: number
}

/** presented: keys whose possession this request has proven. nowMs: the database's clock. */
export function bindKey(
  snapshot: TenantSnapshot,
  subject: VerifiedSubject,
  presented: PresentedKeys,
  certificates: CertificateSubjects,
  nowMs: number,
): KeyBinding | Denial {
  const { certificate, dpop } = presented
  if (certificate && nowMs >= certificate.notAfterSeconds * 1000) return refuseKey('certificate_expired', expired)
  const byCertificate = certificate && keyOfCertificate(certificate)
  const key = dpop ?? byCertificate
  const bound = { ok: true, key, notAfterSeconds: certificate?.notAfterSeconds ?? Number.POSITIVE_INFINITY } as const
  const own = certificate && certificates.verify(snapshot, certificate, nowMs)
  const owners = ownersOf(snapshot, presented, own)
  const { boundKey } = subject
  // The key that the token's own `cnf` names is good whosever it is. Each other one must be the agent's or nobody's.
  const isNamed = (by: Presented): boolean =>
    by === 'certificate' ? isSameKey(boundKey, byCertificate) : by === 'dpop_key' && isSameKey(boundKey, dpop)
  if (boundKey !== undefined && !isNamed('certificate') && !isNamed('dpop_key'))
    return refuseKey('other_key', 'The subject token is bound to another key; present that one.')
  const foreign = owners.find(({ by, agent }) => agent.id !== subject.agent.id && !isNamed(by))
  if (foreign) return refuseKey(`other_agents_${foreign.by}`, `The ${words[foreign.by]} belongs to another agent.`)
  if (boundKey !== undefined) return { binding: 'pop', ...bound }
  // Of whoever holds an account the first key becomes the account's, durably and before any token (`AccountSubjects.hold`).
  if (subject.account && key) return { binding: 'pop', ...bound }
  if (subject.account) return refuseKey('no_key', holderNeedsKey)
  if (owners.length > 0 && key) return { binding: 'pop', ...bound }
  if (subject.agent.settings.binding === 'bearer') return { binding: 'bearer', ...bound }
  if (!key) return refuseKey('no_key', 'This agent must present its client certificate on the mTLS port, or a DPoP proof.')
  return refuseKey('key_not_proven', `The presented key does not prove this agent. ${ownHint(own)}`.trim())
}

const holderNeedsKey = 'Present a key beside the account credential: a client certificate on the mTLS port, or a DPoP proof.'
const expired = 'The client certificate has expired.'
const words = { certificate: 'client certificate', dpop_key: 'DPoP key', assertion: 'client assertion' } as const
type Presented = keyof typeof words

const refuseKey = (reason: string, hint: string): Denial => deny('client_not_authenticated', reason, hint)

const ownHint = (own: SubjectResult | undefined): string => (own && !own.ok ? own.hint : '')

function findTrustedKey(snapshot: TenantSnapshot, thumbprint: string): PinnedKey | undefined {
  const key = findPinnedKey(snapshot, thumbprint)
  return key && isTrusted(snapshot, key.trustSourceId) ? key : undefined
}

/** Whose the presented keys are, as far as anybody's. What a suspended trust source says of them counts for nothing. */
function ownersOf(
  snapshot: TenantSnapshot,
  { dpop, clientKey }: PresentedKeys,
  own: SubjectResult | undefined,
): { readonly by: Presented; readonly agent: Agent }[] {
  const byDpop = dpop && findTrustedKey(snapshot, dpop.thumbprint)?.agent
  const byAssertion = clientKey === undefined ? undefined : findTrustedKey(snapshot, clientKey)?.agent
  return [
    ...(own?.ok && isTrusted(snapshot, own.subject.trustSourceId)
      ? [{ by: 'certificate', agent: own.subject.agent } as const]
      : []),
    ...(byDpop ? [{ by: 'dpop_key', agent: byDpop } as const] : []),
    ...(byAssertion ? [{ by: 'assertion', agent: byAssertion } as const] : []),
  ]
}
