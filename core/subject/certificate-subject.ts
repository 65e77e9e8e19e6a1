import { LRUCache } from 'lru-cache'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { keyOfCertificate } from './bound-key.ts'
import type { PresentedCertificate } from './certificate.ts'
import { matchAgent, type Proof } from './match-agent.ts'
import { markOf } from './snapshot-mark.ts'
import { hashList, refuse, type SubjectResult } from './subject.ts'
import { findVouching } from './vouching-sources.ts'

/** How long a verdict is kept: an intermediate, an anchor or a revocation list may end meanwhile. */
const verdictMs = 30_000

interface Verdict {
  readonly mark: object
  /** Of the tenant's bundles and revocation lists. */
  readonly generation: number
  readonly result: SubjectResult
  readonly untilMs: number
}

/**
 * Recognises client certificates as agents. That a chain ends in an anchor stays true of a certificate whoever shows it
 * again, so such a verdict is kept by thumbprint; a refusal is kept for its connection only, where another chain may be sent
 * next time. Both are made anew when the tenant's configuration, a bundle or a revocation list has changed, also for
 * connections that are open. The certificate's own end is checked at each use.
 */
export class CertificateSubjects {
  readonly #material: TrustMaterial
  readonly #recognised = new LRUCache<string, Verdict>({ max: 10_000 })
  readonly #refused = new WeakMap<PresentedCertificate, Verdict>()

  /** material: left out, nothing is ever fetched. */
  constructor(material = new TrustMaterial(async () => Promise.reject(new Error('nothing is fetched')))) {
    this.#material = material
  }

  /** nowMs: the database's clock. */
  verify(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    if (nowMs >= presented.notAfterSeconds * 1000) return refuse('certificate_expired', 'The client certificate has expired.')
    const mark = markOf(snapshot)
    const generation = this.#material.generationOf(snapshot.tenant.id)
    const key = `${snapshot.tenant.id} ${presented.thumbprint}`
    const kept = this.#recognised.get(key) ?? this.#refused.get(presented)
    if (kept?.mark === mark && kept.generation === generation && nowMs < kept.untilMs) return kept.result
    const result = this.#recognise(snapshot, presented, nowMs)
    const verdict = { mark, generation, result, untilMs: nowMs + verdictMs }
    if (result.ok) this.#recognised.set(key, verdict)
    else this.#refused.set(presented, verdict)
    return result
  }

  #recognise(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    const { proofs, refusal } = findVouching(snapshot, this.#material, presented, nowMs)
    if (proofs.length === 0) return refusal ?? untrusted
    const matched = matchAgent(snapshot, proofs)
    if (!matched.ok) return refusal ?? matched
    const { issuer, subject } = foreignOf(snapshot, matched.proof)
    return {
      ok: true,
      subject: {
        agent: matched.agent,
        trustSourceId: matched.proof.trustSourceId,
        foreign: { issuer, subject },
        subjectHash: hashList([issuer, subject]),
        opener: hashList([issuer, subject]),
        derivedTaskId: undefined,
        untilSeconds: presented.notAfterSeconds,
        expiresSeconds: presented.notAfterSeconds,
        boundKey: keyOfCertificate(presented),
        byCertificate: true,
      },
    }
  }
}

const untrusted = refuse('untrusted_certificate', 'No trust source of this tenant vouches for the client certificate.')

/** A SPIFFE ID is one workload, whichever SVID says it; other names mean something only to their own trust source. */
function foreignOf(snapshot: TenantSnapshot, { trustSourceId, name }: Proof): { issuer: string; subject: string } {
  const source = snapshot.trustSources.get(trustSourceId)!
  if (source.kind === 'spiffe' || source.kind === 'builtin_ca') return { issuer: `spiffe://${source.trustDomain}`, subject: name }
  return { issuer: `${source.kind === 'pinned' ? 'pinned' : 'x509'}:${trustSourceId}`, subject: name }
}
