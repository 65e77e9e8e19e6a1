// Keys of the development provider. Their `kid` begins with a marker, so that a broker in production mode recognises and
// refuses a provider whose keys lie in a folder on somebody's laptop.

import { createPublicKey, generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

export const developmentKidPrefix = 'mayfly-development-'

export type WorkloadTokenAlgorithm = 'ES256' | 'RS256'

/** A private JWK (RFC 7517) as we make them: always with `kid`, `alg` and `use`. */
export interface PrivateSigningJwk {
  kty: string
  kid: string
  alg: WorkloadTokenAlgorithm
  use: 'sig'
  [member: string]: unknown
}

/** A private JWK Set; the first key of an algorithm signs. */
export interface IdpKeys {
  keys: PrivateSigningJwk[]
}

const generate = promisify(generateKeyPair)

/** One ES256 and one RS256 key, each with a marked and unique `kid`. */
export async function generateIdpKeys(): Promise<IdpKeys> {
  const [ec, rsa] = await Promise.all([generate('ec', { namedCurve: 'P-256' }), generate('rsa', { modulusLength: 2048 })])
  return {
    keys: [toJwk(ec.privateKey.export({ format: 'jwk' }), 'ES256'), toJwk(rsa.privateKey.export({ format: 'jwk' }), 'RS256')],
  }
}

/** The signing key of an algorithm. Throws when the set has none. */
export function getSigningJwk(keys: IdpKeys, alg: WorkloadTokenAlgorithm): PrivateSigningJwk {
  const jwk = keys.keys.find(key => key.alg === alg)
  if (!jwk) throw new Error(`The provider has no key for ${alg}.`)
  return jwk
}

/** The public half of the set, as the provider publishes it. */
export function publicJwks(keys: IdpKeys): { keys: Record<string, unknown>[] } {
  return {
    keys: keys.keys.map(jwk => {
      const { kid, alg, use } = jwk
      return { ...createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' }), kid, alg, use }
    }),
  }
}

function toJwk(jwk: object, alg: WorkloadTokenAlgorithm): PrivateSigningJwk {
  const kid = `${developmentKidPrefix}${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`
  return { ...(jwk as { kty: string }), kid, alg, use: 'sig' }
}
