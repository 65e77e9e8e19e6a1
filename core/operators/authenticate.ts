import { BrokerError } from '#core/errors/broker-error.ts'
import { hashSecret, isSecret, type SecretKind, sameHash } from '#core/ids/secret.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { Db } from '#db/connect.ts'
import { type CredentialKind, type CredentialRow, findLiveCredentials } from '#db/registry/credentials.ts'
import type { Principal, Role } from './principal.ts'

const kinds = { operator: 'operator', resource: 'resource' } as const satisfies Partial<Record<SecretKind, CredentialKind>>

const lookUps = new WeakMap<Db, BatchLoader<string, CredentialRow>>()

/** Anyone can invent secrets of the right form. However many come, one look-up is under way at a time, and each begins anew. */
function lookUpIn(db: Db): BatchLoader<string, CredentialRow> {
  let lookUp = lookUps.get(db)
  if (!lookUp) {
    lookUp = new BatchLoader(hashes => findLiveCredentials(db, Object.values(kinds), hashes))
    lookUps.set(db, lookUp)
  }
  return lookUp
}

/**
 * Whose secret this is. It is looked up by its SHA-256, so neither the lookup's time nor an index can tell a guesser how
 * much of a secret was right. Ended credentials are unknown ones. Throws BrokerError `not_authenticated`.
 */
export async function authenticate(db: Db, secret: string): Promise<Principal> {
  const kind = (['operator', 'resource'] as const).find(candidate => isSecret(candidate, secret))
  if (kind === undefined)
    throw new BrokerError('not_authenticated', { detail: 'not in the form of an operator or resource secret' })
  const secretHash = hashSecret(secret)
  const found = await lookUpIn(db).load(secretHash.toString('hex'))
  if (!found || found.kind !== kinds[kind] || !sameHash(found.secret_hash, secretHash))
    throw new BrokerError('not_authenticated', { detail: 'unknown or ended secret' })
  return {
    credentialId: found.id,
    role: kind === 'resource' ? 'resource' : (found.role as Role),
    tenantId: found.tenant_id,
    resourceId: found.resource_id ?? undefined,
  }
}
