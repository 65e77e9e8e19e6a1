import type { X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { X509Rule } from '#core/registry/trust-source-kinds/x509-ca.ts'
import { type CertificateNames, type PresentedCertificate, readNames } from './certificate.ts'
import { chainEndsIn, readAnchors } from './certificate-path.ts'
import { matchAgent, type NameKind, type Proof } from './match-agent.ts'
import { markOf } from './snapshot-mark.ts'
import { hashList, refuse, type SubjectResult } from './subject.ts'

/** How long a verdict is kept: an intermediate or an anchor may end meanwhile. */
const verdictMs = 30_000

interface Verdict {
  readonly mark: object
  readonly result: SubjectResult
  readonly untilMs: number
}

/**
 * Recognises client certificates as agents. That a chain ends in an anchor stays true of a certificate whoever shows it
 * again, so such a verdict is kept by thumbprint; a refusal is kept for its connection only, where another chain may be sent
 * next time. The certificate's own end is checked at each use.
 */
export class CertificateSubjects {
  readonly #recognised = new LRUCache<string, Verdict>({ max: 10_000 })
  readonly #refused = new WeakMap<PresentedCertificate, Verdict>()
  readonly #anchors = new WeakMap<TenantSnapshot, Map<string, X509Certificate[]>>()

  /** nowMs: the database's clock. */
  verify(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    if (nowMs >= presented.notAfterSeconds * 1000) return refuse('certificate_expired', 'The client certificate has expired.')
    const key = `${snapshot.tenant.id} ${presented.thumbprint}`
    const kept = this.#recognised.get(key) ?? this.#refused.get(presented)
    if (kept?.mark === markOf(snapshot) && nowMs < kept.untilMs) return kept.result
    const verdict = { mark: markOf(snapshot), result: this.#recognise(snapshot, presented, nowMs), untilMs: nowMs + verdictMs }
    if (verdict.result.ok) this.#recognised.set(key, verdict)
    else this.#refused.set(presented, verdict)
    return verdict.result
  }

  #recognise(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    const vouching = [...this.#anchorsOf(snapshot)]
      .filter(([, anchors]) => chainEndsIn(presented, anchors, nowMs))
      .map(([id]) => id)
    if (vouching.length === 0) return untrusted
    const names = readNames(presented.leaf)
    const matched = matchAgent(snapshot, proofsOf(names, vouching))
    if (!matched.ok) return matched
    const rule = matched.rule as X509Rule & { readonly trust_source: string }
    const subject = rule.san_uri ? names.uris[0]! : rule.san_dns ? names.dnsNames[0]! : names.subjectDn
    const issuer = `x509:${rule.trust_source}`
    return {
      ok: true,
      subject: {
        agent: matched.agent,
        trustSourceId: rule.trust_source,
        foreign: { issuer, subject },
        subjectHash: hashList([issuer, subject]),
        opener: hashList([issuer, subject]),
        derivedTaskId: undefined,
        untilSeconds: presented.notAfterSeconds,
        expiresSeconds: presented.notAfterSeconds,
        boundKey: { kind: 'x5t#S256', thumbprint: presented.thumbprint },
        byCertificate: true,
      },
    }
  }

  #anchorsOf(snapshot: TenantSnapshot): Map<string, X509Certificate[]> {
    let anchors = this.#anchors.get(snapshot)
    if (!anchors) {
      anchors = new Map()
      for (const source of snapshot.trustSources.values())
        if (source.kind === 'x509_ca') anchors.set(source.id, readAnchors(source.anchorsPem))
      this.#anchors.set(snapshot, anchors)
    }
    return anchors
  }
}

const untrusted = refuse('untrusted_certificate', 'No trust source of this tenant vouches for the client certificate.')

/** A certificate must carry exactly one name of the kind that a rule asks for, so that it cannot be two workloads at once. */
function proofsOf(names: CertificateNames, vouching: readonly string[]): Proof[] {
  const offered: { kind: NameKind; name: string }[] = [{ kind: 'subject_dn', name: names.subjectDn }]
  if (names.uris.length === 1) offered.push({ kind: 'san_uri', name: names.uris[0]! })
  if (names.dnsNames.length === 1) offered.push({ kind: 'san_dns', name: names.dnsNames[0]! })
  return vouching.flatMap(trustSourceId => offered.map(name => ({ trustSourceId, ...name })))
}
