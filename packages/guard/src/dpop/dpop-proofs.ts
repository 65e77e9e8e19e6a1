// DPoP proofs at a resource (RFC 9449 §§ 4.3, 7): the presenter shows, for each request anew, that it holds the key that the
// token is bound to. Each line of § 4.3 is a line here. The token was verified before, so its `jkt` can be trusted; the
// signature comes after all that costs less, and using the proof up comes last.

import { hash, randomBytes } from 'node:crypto'
import type { Credentials } from '../request.ts'
import { decodeJws } from '../token/compact-jws.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { Reason } from '../verdict.ts'
import { ProofKeys, proofAlgorithms, verifyProofSignature } from './proof-key.ts'
import { ProofNonces } from './proof-nonces.ts'
import { normaliseTarget, ProofTarget } from './proof-target.ts'
import { UsedProofs } from './used-proofs.ts'

/** How a guard treats tokens that are bound to a DPoP key. */
export interface DpopOptions {
  /**
   * Where clients reach the resource: what a proof's `htu` is held against. Default: `resource`, if that is an http(s) URL;
   * without either, tokens bound to a DPoP key are refused.
   */
  readonly publicUrl?: string
  /** Refuse tokens that are bound to no DPoP key. Default false. */
  readonly required?: boolean
  /**
   * Demand a nonce of ours in each proof, so that none can be made ahead of its time. `true`: of a key of this process; replicas
   * behind one address must be given one secret of 32 random bytes instead. Default false.
   */
  readonly nonces?: boolean | Uint8Array
  /** How old a proof may be. Default 60. */
  readonly maxProofAgeSeconds?: number
  /** Used proofs that are remembered at a time; beyond it, requests are refused with 503. Default 100,000. */
  readonly maxUsedProofs?: number
}

/** How far ahead of ours a client's clock may be; seconds. */
const aheadSeconds = 10
/** The largest honest one, with an RSA key and signature of 4096 bits, has some 2,500 characters. */
const maxProofChars = 8192
const maxHeaderChars = 4096

/** Checks proofs for one resource. */
export class DpopProofs {
  readonly required: boolean
  readonly nonces: ProofNonces | undefined
  readonly #keys = new ProofKeys()
  readonly #target: ProofTarget
  readonly #used: UsedProofs
  readonly #maxAgeSeconds: number

  /** publicUrl: http(s). mountPath: see `ProofTarget`. */
  constructor(options: DpopOptions & { readonly publicUrl: string }, mountPath: string | undefined) {
    const { publicUrl, required = false, nonces = false, maxProofAgeSeconds = 60, maxUsedProofs = 100_000 } = options
    this.required = required
    this.nonces = nonces === false ? undefined : new ProofNonces(nonces === true ? randomBytes(32) : nonces)
    this.#target = new ProofTarget(publicUrl, mountPath)
    this.#used = new UsedProofs(maxUsedProofs)
    this.#maxAgeSeconds = maxProofAgeSeconds
  }

  /** Algorithms as a challenge names them. */
  readonly algorithms: readonly string[] = proofAlgorithms

  /** Undefined where the one proof that came is good for this request and token, and is used for the first time. */
  check(credentials: Credentials, jkt: string, request: { method: string; url: string }, nowMs: number): Reason | undefined {
    const [text, ...more] = credentials.proofs
    if (text === undefined) return 'proof_missing'
    // Two proofs let two parties each look at the other one.
    const proof = more.length === 0 ? readProof(text) : undefined
    if (!proof) return 'proof_malformed'
    const { claims } = proof
    if (!this.#isFor(claims, request) || claims['ath'] !== hash('sha256', credentials.token, 'base64url'))
      return 'proof_for_another'
    const reason = this.#checkTime(claims['iat'], nowMs / 1000) ?? this.#checkNonce(claims['nonce'], nowMs)
    if (reason) return reason
    const key = this.#keys.find(proof.alg, proof.jwk, jkt)
    if (!key) return 'proof_key_refused'
    if (!verifyProofSignature(proof.alg, key, proof.signingInput, proof.signature)) return 'proof_signature_invalid'
    const endsAtMs = ((claims['iat'] as number) + this.#maxAgeSeconds) * 1000
    const used = this.#used.use(jkt, proof.jti, endsAtMs, nowMs)
    if (used === 'full') return 'proof_store_full'
    return used === 'first' ? undefined : 'proof_already_used'
  }

  #isFor({ htm, htu }: Readonly<Record<string, unknown>>, request: { method: string; url: string }): boolean {
    const target = this.#target.of(request.url)
    if (target === undefined || htm !== request.method || typeof htu !== 'string') return false
    return htu === target || normaliseTarget(htu) === target
  }

  #checkTime(iat: unknown, nowSeconds: number): Reason | undefined {
    // Written so that a time that is no number refuses.
    const isOfNow = typeof iat === 'number' && iat <= nowSeconds + aheadSeconds && iat > nowSeconds - this.#maxAgeSeconds
    return isOfNow ? undefined : 'proof_not_of_now'
  }

  #checkNonce(nonce: unknown, nowMs: number): Reason | undefined {
    if (!this.nonces) return undefined
    return typeof nonce === 'string' && this.nonces.accepts(nonce, nowMs) ? undefined : 'proof_nonce_needed'
  }
}

function readProof(text: string) {
  const jws = decodeJws(text, { maxChars: maxProofChars, maxHeaderChars })
  const claims = typeof jws === 'string' ? undefined : parseStrictObject(jws.payload)
  if (typeof jws === 'string' || !claims) return undefined
  const { typ, alg, jwk } = jws.header
  const { jti } = claims
  if (typ !== 'dpop+jwt' || typeof alg !== 'string' || Object.hasOwn(jws.header, 'crit') || Object.hasOwn(jws.header, 'b64'))
    return undefined
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return undefined
  return { alg, jwk, jti, claims, signingInput: jws.signingInput, signature: jws.signature }
}
