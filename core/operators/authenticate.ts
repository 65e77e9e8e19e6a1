// The one place where a secret becomes a caller of `/v1`: operators' tokens, sessions of people who signed in, and resources'
// credentials alike.

import { BrokerError } from '#core/errors/broker-error.ts'
import { hashSecret, isSecret, sameHash } from '#core/ids/secret.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { Db } from '#db/connect.ts'
import { findLiveCredentials, type LiveCredentialRow, noteUse } from '#db/registry/credentials.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import type { Person, Principal, Role } from './principal.ts'

const kinds = ['operator', 'session', 'resource'] as const

/** A caller, and what its credential is. */
export interface Authenticated extends Principal {
  readonly kind: 'token' | 'session'
  readonly name: string
  readonly expiresAt: Date
}

const lookUps = new WeakMap<UnscopedDb, BatchLoader<string, LiveCredentialRow>>()

/** Anyone can invent secrets of the right form. However many come, one look-up is under way at a time, and each begins anew. */
function lookUpIn(db: UnscopedDb): BatchLoader<string, LiveCredentialRow> {
  let lookUp = lookUps.get(db)
  if (!lookUp) {
    lookUp = new BatchLoader(hashes => findLiveCredentials(db, kinds, hashes))
    lookUps.set(db, lookUp)
  }
  return lookUp
}

/**
 * Whose secret this is. Its form and checksum are looked at before the database is asked. It is looked up by its SHA-256, so
 * neither the lookup's time nor an index can tell a guesser how much of a secret was right. Ended credentials, by the
 * database's clock, are unknown ones. Throws BrokerError `not_authenticated`.
 */
export async function authenticate(db: UnscopedDb, secret: string): Promise<Authenticated> {
  const kind = kinds.find(candidate => isSecret(candidate, secret))
  if (kind === undefined)
    throw new BrokerError('not_authenticated', { detail: "not in the form of an operator's, a session's or a resource's secret" })
  const secretHash = hashSecret(secret)
  const found = await lookUpIn(db).load(secretHash.toString('hex'))
  if (!found || found.kind !== kind || !sameHash(found.secret_hash, secretHash))
    throw new BrokerError('not_authenticated', { detail: 'unknown or ended secret' })
  if (kind === 'operator' && !found.use_is_noted) noteUseHourly(db.forTenant(found.tenant_id), found.id)
  return {
    credentialId: found.id,
    kind: kind === 'session' ? 'session' : 'token',
    role: kind === 'resource' ? 'resource' : (found.role as Role),
    tenantId: found.tenant_id,
    resourceId: found.resource_id ?? undefined,
    person: toPerson(found),
    name: found.name,
    expiresAt: found.expires_at,
  }
}

const noting = new Set<string>()

/** Nobody waits for it, and nobody is refused when it cannot be written: it says when a token was used, it allows nothing. */
function noteUseHourly(db: Db, id: string): void {
  if (noting.has(id)) return
  noting.add(id)
  void noteUse(db, id)
    .catch(() => {})
    .finally(() => noting.delete(id))
}

function toPerson(row: LiveCredentialRow): Person | undefined {
  if (row.person_id === null) return undefined
  return {
    id: row.person_id,
    tenantId: row.person_tenant_id,
    issuer: row.issuer!,
    subject: row.subject!,
    name: row.person_name ?? undefined,
  }
}
