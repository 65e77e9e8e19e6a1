// Steps that every kind of signed proof goes through, each a refusal or undefined.

import { BrokerError } from '#core/errors/broker-error.ts'
import { readBoundKey } from './bound-key.ts'
import type { IssuerKey } from './issuer-key.ts'
import { refuse, type SubjectRefusal } from './subject.ts'

type Claims = Readonly<Record<string, unknown>>

/** The token's one audience; undefined when it has none or several. `aud` may be a list of one (RFC 7519 § 4.1.3). */
export function soleAudience({ aud }: Claims): string | undefined {
  const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  return typeof audience === 'string' ? audience : undefined
}

/** Throws BrokerError where the check itself failed: then the token is not to blame. */
export async function findSignatureFault(key: IssuerKey | undefined, token: string): Promise<SubjectRefusal | undefined> {
  if (!key) return refuse('unknown_key', 'Its issuer publishes no such key for this algorithm.')
  try {
    await key.verify(token)
    return undefined
  } catch (error) {
    if (error instanceof BrokerError) throw error
    return refuse('bad_signature', 'Its signature does not verify with the keys of its issuer.')
  }
}

/** A token that is bound to a key of a kind that cannot be proven here must not become one that anybody may present. */
export function findBindingFault(claims: Claims): SubjectRefusal | undefined {
  if (!('cnf' in claims) || readBoundKey(claims['cnf']) !== undefined) return undefined
  return refuse(
    'unsupported_binding',
    'It is bound to a key that cannot be proven here: only one of cnf.x5t#S256 and cnf.jkt is understood.',
  )
}
