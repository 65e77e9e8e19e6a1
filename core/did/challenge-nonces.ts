// Nonces that a DID's holder signs, so that a proof was made for us and just now. Nobody stores them: a nonce says when it was
// given and for which tenant, under a MAC whose key all replicas derive from one secret of the deployment. Each is another
// one, and the proof that holds it is used up by its name, so a nonce is good for one proof of one DID.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { deriveMac, macBytes } from '#core/ids/derive-mac.ts'
import { decodeBase64url } from '#core/jwt/base64url.ts'

/** How long a nonce is good for. */
export const challengeSeconds = 300
/** How far ahead the clock of the replica that gave it may run. */
const aheadSeconds = 10
const timeBytes = 4
const randomSize = 12

export class ChallengeNonces {
  readonly #mac: ReturnType<typeof deriveMac>

  /** secret: at least 32 random bytes, the same in all replicas. Used through HKDF only, so it may serve other ends too. */
  constructor(secret: Uint8Array) {
    this.#mac = deriveMac(secret, 'mayfly did challenge')
  }

  /** 43 characters of base64url. tenantId: uuid. nowMs: the database's clock. */
  issue(tenantId: string, nowMs: number): string {
    const head = Buffer.alloc(timeBytes + randomSize)
    head.writeUInt32BE(Math.floor(nowMs / 1000))
    randomBytes(randomSize).copy(head, timeBytes)
    return Buffer.concat([head, this.#macOf(tenantId, head)]).toString('base64url')
  }

  /** Whether we gave it, for this tenant, less than `challengeSeconds` ago. */
  accepts(tenantId: string, nonce: string, nowMs: number): boolean {
    const bytes = decodeBase64url(nonce)
    if (bytes?.length !== timeBytes + randomSize + macBytes) return false
    const head = bytes.subarray(0, timeBytes + randomSize)
    if (!timingSafeEqual(bytes.subarray(head.length), this.#macOf(tenantId, head))) return false
    const ageSeconds = nowMs / 1000 - head.readUInt32BE()
    return ageSeconds >= -aheadSeconds && ageSeconds < challengeSeconds
  }

  #macOf(tenantId: string, head: Buffer): Buffer {
    return this.#mac(tenantId, '\0', head)
  }
}
