// A verified ID token becomes a session: the token is used up, the person noted, the role decided and the session stored in
// one transaction. A person whom no rule gives a role is refused, with the token used up as well: one token, one answer.

import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import type { Trx } from '#db/connect.ts'
import type { PersonRow } from '#db/operators/people.ts'
import type { SignInProviderRow } from '#db/operators/sign-in-providers.ts'
import { type CredentialRow, deleteCredential, insertCredential } from '#db/registry/credentials.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { actorFacts, type OperatorRole, type Principal } from '../principal.ts'
import { admitPerson } from './admit-person.ts'
import { toSignInProvider } from './provider.ts'
import { roleOfGroups } from './role-of-groups.ts'
import type { IdToken } from './verify-id-token.ts'

export interface OpenedSession {
  readonly secret: string
  readonly row: CredentialRow
  readonly person: PersonRow
}

/**
 * provider: as it was when the ID token was verified. nowMs: the database's clock.
 * Throws `sign_in_refused` for an ID token that was used before or whose provider has changed since, `no_role` when no rule
 * gives the person a role.
 */
export async function openSession(
  db: UnscopedDb,
  provider: SignInProviderRow,
  idToken: IdToken,
  nowMs: number,
): Promise<OpenedSession> {
  const opened = await db
    .forTenant(provider.tenant_id)
    .transaction()
    .execute(async trx => {
      const person = await admitPerson(trx, provider, idToken, nowMs)
      const { config } = toSignInProvider(provider)
      const role = roleOfGroups(config, idToken.claims)
      if (role === undefined) {
        await record(trx, 'session.refused', provider, person, {}, nowMs)
        return undefined
      }
      return store(trx, provider, person, { role, ttlSeconds: config.session_ttl_seconds }, nowMs)
    })
  // After the commit: that this person was refused stays written.
  if (!opened)
    throw new BrokerError('no_role', {
      hint: `The groups claim that was looked at is ${toSignInProvider(provider).config.groups_claim}.`,
    })
  return opened
}

async function store(
  trx: Trx,
  provider: SignInProviderRow,
  person: PersonRow,
  given: { readonly role: OperatorRole; readonly ttlSeconds: number },
  nowMs: number,
): Promise<OpenedSession> {
  const secret = newSecret('session')
  const row = await insertCredential(trx, {
    id: newUuid(nowMs),
    kind: 'session',
    tenant_id: provider.tenant_id,
    resource_id: null,
    role: given.role,
    name: person.name ?? 'session',
    secret_hash: hashSecret(secret),
    expires_at: new Date(nowMs + given.ttlSeconds * 1000),
    person_id: person.id,
    provider_id: provider.id,
  })
  await record(trx, 'session.opened', provider, person, { credential: formatId('credential', row.id), role: given.role }, nowMs)
  return { secret, row, person }
}

function record(
  trx: Trx,
  type: 'session.opened' | 'session.refused',
  provider: SignInProviderRow,
  person: PersonRow,
  more: Readonly<Record<string, string>>,
  nowMs: number,
): Promise<void> {
  const facts = { provider: formatId('signInProvider', provider.id), actor_person: formatId('person', person.id), ...more }
  return recordEvent(trx, { type, tenantId: provider.tenant_id, facts }, nowMs)
}

/** Ends the caller's own session. Throws `conflict` for a token, which is no session. */
export async function endSession(trx: Trx, actor: Principal, nowMs: number): Promise<void> {
  const row = await deleteCredential(trx, { kind: 'session', tenantId: actor.tenantId }, actor.credentialId)
  if (!row) throw new BrokerError('conflict', { hint: 'This is no session but a token. End it under /v1/operators.' })
  await recordEvent(trx, { type: 'session.ended', tenantId: row.tenant_id, facts: actorFacts(actor) }, nowMs)
}
