import { hash } from 'node:crypto'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { PresentedCertificate } from './certificate.ts'
import type { CertificateSubjects } from './certificate-subject.ts'
import { markOf } from './snapshot-mark.ts'
import { refuse, type SubjectResult, type VerifiedSubject } from './subject.ts'
import { type JwtProofDeps, type JwtRequest, verifyJwtSubject } from './verify-jwt-subject.ts'

interface Remembered {
  readonly mark: object
  readonly generation: number
  readonly subject: VerifiedSubject
}

export interface JwtToVerify extends Partial<Omit<JwtRequest, 'token'>> {
  readonly token: string
  /** `SubjectAuthenticator.hashToken`. */
  readonly tokenHash: string
}

/**
 * Verifies subject tokens, remembering verified ones by SHA-256 over the whole token (a shorter key could collide). What is
 * remembered belongs to one snapshot of one tenant and to what its trust sources published then, and its end is checked at
 * each use.
 */
export class SubjectAuthenticator {
  readonly #remembered: GenerationCache<string, Remembered>
  readonly #proofs: JwtProofDeps
  readonly #certificates: CertificateSubjects
  readonly #generationOf: (tenantId: string) => number

  /** generationOf: of what a tenant's trust sources have published (`TrustMaterial`). */
  constructor(
    proofs: JwtProofDeps,
    certificates: CertificateSubjects,
    generationOf: (tenantId: string) => number = () => 0,
    maxRemembered = 30_000,
  ) {
    this.#generationOf = generationOf
    this.#proofs = proofs
    this.#certificates = certificates
    this.#remembered = new GenerationCache(maxRemembered)
  }

  /** Hex of SHA-256 over the token: the name under which it is remembered. */
  static hashToken(token: string): string {
    return hash('sha256', token, 'hex')
  }

  /** The verified subject of a token seen before, if it still holds: no signature check, no round trip. */
  recall(snapshot: TenantSnapshot, tokenHash: string, nowMs: number): VerifiedSubject | undefined {
    const kept = this.#notEnded(tokenHash, nowMs)
    if (kept?.mark !== markOf(snapshot)) return undefined
    return kept.generation === this.#generationOf(snapshot.tenant.id) ? kept.subject : undefined
  }

  /** Whether the token was good when it was last seen and has not ended, though the configuration may have changed since. */
  wasVerified(tokenHash: string, nowMs: number): boolean {
    return this.#notEnded(tokenHash, nowMs) !== undefined
  }

  /**
   * request: stands for the request, so that a proof that is good for one use serves all attempts of it.
   * Throws BrokerError `trust_source_unavailable`, `log_unavailable`. nowMs: the database's clock.
   */
  async verifyJwt(
    snapshot: TenantSnapshot,
    { token, tokenHash, request = {}, client }: JwtToVerify,
    nowMs: number,
  ): Promise<SubjectResult> {
    const kept = this.recall(snapshot, tokenHash, nowMs)
    if (kept) return { ok: true, subject: kept }
    // Read before: what changes meanwhile makes it old.
    const generation = this.#generationOf(snapshot.tenant.id)
    const { result, single } = await verifyJwtSubject(snapshot, this.#proofs, { token, request, client }, nowMs)
    if (result.ok && !single) this.#remembered.set(tokenHash, { mark: markOf(snapshot), generation, subject: result.subject })
    else this.#remembered.delete(tokenHash)
    return result
  }

  /** The TLS client certificate as subject: the token must be this very certificate. */
  verifyCertificate(
    snapshot: TenantSnapshot,
    token: string,
    presented: PresentedCertificate | undefined,
    nowMs: number,
  ): SubjectResult {
    if (!presented) return refuse('no_key', 'Present the certificate in the TLS handshake, on the mTLS port.')
    const sent = Buffer.from(token, token.includes('-') || token.includes('_') ? 'base64url' : 'base64')
    if (!sent.equals(presented.leaf.raw))
      return refuse('other_key', 'The subject token is not the certificate of this connection.')
    return this.#certificates.verify(snapshot, presented, nowMs)
  }

  #notEnded(tokenHash: string, nowMs: number): Remembered | undefined {
    const kept = this.#remembered.get(tokenHash)
    return kept && kept.subject.untilSeconds * 1000 > nowMs ? kept : undefined
  }
}
