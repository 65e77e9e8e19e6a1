// Which key will the token be bound to, and does the presenter's key prove anything?
//
// A client certificate counts as proof of possession only if the subject token's own `cnf` names it, or if the certificate
// by itself is recognised as the same agent. A key that is merely present proves nothing: a thief has one too. Without
// proof the exchange is `bearer`, allowed only where the agent's registration says so, and the subject token then belongs
// to the first key that used it, until it ends.

import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { PresentedCertificate } from '#core/subject/certificate.ts'
import type { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { type Denial, deny } from './denial.ts'

export interface KeyBinding {
  readonly ok: true
  readonly binding: 'pop' | 'bearer'
  /** The certificate that the token will be bound to; undefined: no key was presented. */
  readonly thumbprint: string | undefined
  /** The token ends with it. Seconds since the epoch. */
  readonly notAfterSeconds: number
}

/** presented: the verified peer of this connection, if any. nowMs: the database's clock. */
export function bindKey(
  snapshot: TenantSnapshot,
  subject: VerifiedSubject,
  presented: PresentedCertificate | undefined,
  certificates: CertificateSubjects,
  nowMs: number,
): KeyBinding | Denial {
  const key = { thumbprint: presented?.thumbprint, notAfterSeconds: presented?.notAfterSeconds ?? Number.POSITIVE_INFINITY }
  if (presented && nowMs >= presented.notAfterSeconds * 1000)
    return deny('client_not_authenticated', 'certificate_expired', 'The client certificate has expired.')
  if (subject.boundThumbprint !== undefined) {
    if (subject.boundThumbprint === key.thumbprint) return { ok: true, binding: 'pop', ...key }
    return deny('client_not_authenticated', 'other_key', 'The subject token is bound to another certificate; present that one.')
  }
  const own = presented && certificates.verify(snapshot, presented, nowMs)
  if (own?.ok) {
    if (own.subject.agent.id === subject.agent.id) return { ok: true, binding: 'pop', ...key }
    return deny('client_not_authenticated', 'other_agents_certificate', 'The client certificate belongs to another agent.')
  }
  if (subject.agent.settings.binding === 'bearer') return { ok: true, binding: 'bearer', ...key }
  return presented
    ? deny(
        'client_not_authenticated',
        'key_not_proven',
        `The client certificate does not prove this agent. ${own?.hint ?? ''}`.trim(),
      )
    : deny('client_not_authenticated', 'no_key', 'This agent must present its client certificate on the mTLS port.')
}
