import 'reflect-metadata'
import type { X509Certificate } from 'node:crypto'
import { Name } from '@peculiar/x509'
import type { AgentRule, X509Rule } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { type CertificateNames, type PresentedCertificate, readNames } from './certificate.ts'
import { chainEndsIn, readAnchors } from './certificate-path.ts'
import { compilePattern } from './claim-pattern.ts'
import { matchAgent } from './match-agent.ts'
import { hashList, refuse, type SubjectResult } from './subject.ts'

/** How long a verdict is kept: an intermediate or an anchor may end while the connection stays. */
const verdictMs = 30_000

/**
 * Recognises client certificates as agents. A verdict is kept for each connection's certificate and snapshot; its validity
 * in time is checked at each use, so a long connection does not outlive its certificate.
 */
export class CertificateSubjects {
  readonly #verdicts = new WeakMap<PresentedCertificate, { snapshot: TenantSnapshot; result: SubjectResult; untilMs: number }>()
  readonly #anchors = new WeakMap<TenantSnapshot, Map<string, X509Certificate[]>>()

  /** nowMs: the database's clock. */
  verify(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    if (nowMs >= presented.notAfterSeconds * 1000) return refuse('certificate_expired', 'The client certificate has expired.')
    const kept = this.#verdicts.get(presented)
    if (kept?.snapshot === snapshot && nowMs < kept.untilMs) return kept.result
    const result = this.#recognise(snapshot, presented, nowMs)
    this.#verdicts.set(presented, { snapshot, result, untilMs: nowMs + verdictMs })
    return result
  }

  #recognise(snapshot: TenantSnapshot, presented: PresentedCertificate, nowMs: number): SubjectResult {
    const vouching = [...this.#anchorsOf(snapshot)]
      .filter(([, anchors]) => chainEndsIn(presented, anchors, nowMs))
      .map(([id]) => id)
    if (vouching.length === 0)
      return refuse('untrusted_certificate', 'No trust source of this tenant vouches for the client certificate.')
    const names = readNames(presented.leaf)
    let used: X509Rule | undefined
    const matched = matchAgent(snapshot, rule => {
      if (!vouching.includes(rule.trust_source) || !namesMatch(rule, names)) return false
      used = rule as X509Rule
      return true
    })
    if (!matched.ok || !used)
      return matched.ok ? refuse('unknown_agent', 'No registered agent matches the certificate.') : matched
    const subject = used.san_uri ? names.uris[0]! : used.san_dns ? names.dnsNames[0]! : names.subjectDn
    const issuer = `x509:${used.trust_source}`
    return {
      ok: true,
      subject: {
        agent: matched.agent,
        trustSourceId: used.trust_source,
        foreign: { issuer, subject },
        subjectHash: hashList([issuer, subject]),
        opener: hashList([issuer, subject]),
        derivedTaskId: undefined,
        untilSeconds: presented.notAfterSeconds,
        boundThumbprint: presented.thumbprint,
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

/** A certificate must carry exactly one name of the kind that the rule asks for, so that it cannot be two workloads at once. */
function namesMatch(rule: AgentRule, names: CertificateNames): boolean {
  if ('claims' in rule) return false
  if (rule.san_uri !== undefined) return names.uris.length === 1 && compilePattern(rule.san_uri)(names.uris[0]!)
  if (rule.san_dns !== undefined) return names.dnsNames.length === 1 && compilePattern(rule.san_dns)(names.dnsNames[0]!)
  return rule.subject_dn !== undefined && JSON.stringify(new Name(rule.subject_dn).toJSON()) === names.subjectDn
}
