import type { JwksStore } from '#core/subject/jwks-store.ts'
import type { JwtProofDeps } from '#core/subject/verify-jwt-subject.ts'

const notUsed = async (): Promise<never> => {
  throw new Error('this test knows no such proof')
}

/** Proofs of OpenID issuers; of other kinds as far as a test brings what they need. */
export const proofsBy = (jwks: JwksStore, more: Partial<JwtProofDeps> = {}): JwtProofDeps => ({
  jwks,
  findJwtSvidKey: notUsed,
  did: { findDidKey: notUsed, findCredentialKey: notUsed, acceptsNonce: () => false },
  firstUses: { consume: notUsed },
  ...more,
})
