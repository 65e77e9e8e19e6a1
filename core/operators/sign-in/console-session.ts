// Sessions of browsers. They are credentials of a kind of their own, which `/v1` does not take: a cookie that is stolen is no
// bearer token, and a bearer token no cookie. Anyone whom a provider of the tenant vouches for gets one, with a role or without:
// what it may claim is decided by who it is, not by what it manages.

import type { VisitorFacts } from '#core/audit/catalogue/fields.ts'
import { recordEvent } from '#core/audit/record.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { hashSecret, isSecret, newSecret, sameHash } from '#core/ids/secret.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { insertConsoleSession } from '#db/claim/console-sessions.ts'
import type { Db } from '#db/connect.ts'
import type { SignInProviderRow } from '#db/operators/sign-in-providers.ts'
import { deleteCredential, findLiveCredentials, insertCredential, type LiveCredentialRow } from '#db/registry/credentials.ts'
import type { Executor } from '#db/unscoped-db.ts'
import type { OperatorRole, Person } from '../principal.ts'
import { admitPerson } from './admit-person.ts'
import { toSignInProvider } from './provider.ts'
import { groupsAt, roleOfGroups } from './role-of-groups.ts'
import type { IdToken } from './verify-id-token.ts'

/** Somebody in a browser. */
export interface ConsoleSession {
  /** uuid */
  readonly credentialId: string
  /** uuid of the one tenant that it is somebody of. */
  readonly tenantId: string
  readonly providerId: string
  readonly person: Person
  readonly role: OperatorRole | null
}

/** More are not looked at: who is in so many groups is in none of the rest. */
const maxGroups = 256

/** provider: a tenant's own, as it was when the ID token was verified. Throws as `admitPerson`. */
export async function openConsoleSession(
  db: Db,
  provider: SignInProviderRow & { readonly tenant_id: string },
  idToken: IdToken,
  nowMs: number,
): Promise<{ readonly secret: string; readonly ttlSeconds: number }> {
  const { config } = toSignInProvider(provider)
  const secret = newSecret('console')
  await db.transaction().execute(async trx => {
    const person = await admitPerson(trx, provider, idToken, nowMs)
    const role = roleOfGroups(config, idToken.claims) ?? null
    const row = await insertCredential(trx, {
      id: newUuid(nowMs),
      kind: 'console',
      tenant_id: provider.tenant_id,
      resource_id: null,
      role,
      name: person.name ?? 'session',
      secret_hash: hashSecret(secret),
      expires_at: new Date(nowMs + config.session_ttl_seconds * 1000),
      person_id: person.id,
      provider_id: provider.id,
    })
    const groups = groupsAt(idToken.claims, config.groups_claim).slice(0, maxGroups)
    await insertConsoleSession(trx, { credentialId: row.id, tenantId: provider.tenant_id, groups })
    const facts = {
      actor_person: formatId('person', person.id),
      credential: formatId('credential', row.id),
      kind: 'console' as const,
      provider: formatId('signInProvider', provider.id),
      role,
    }
    await recordEvent(trx, { type: 'session.opened', tenantId: provider.tenant_id, facts }, nowMs)
  })
  return { secret, ttlSeconds: config.session_ttl_seconds }
}

/** Finds whose a cookie is. Anyone can invent cookies: however many come, one look-up is under way at a time. */
export function createSessionFinder(db: Executor): (secret: string) => Promise<ConsoleSession | undefined> {
  const lookUp = new BatchLoader<string, LiveCredentialRow>(hashes => findLiveCredentials(db, ['console'], hashes))
  return async secret => {
    if (!isSecret('console', secret)) return undefined
    const secretHash = hashSecret(secret)
    const row = await lookUp.load(secretHash.toString('hex'))
    if (row?.kind !== 'console' || !sameHash(row.secret_hash, secretHash)) return undefined
    return toSession(row)
  }
}

function toSession(row: LiveCredentialRow): ConsoleSession {
  return {
    credentialId: row.id,
    tenantId: row.tenant_id!,
    providerId: row.provider_id!,
    role: row.role as OperatorRole | null,
    person: {
      id: row.person_id!,
      tenantId: row.person_tenant_id,
      issuer: row.issuer!,
      subject: row.subject!,
      name: row.person_name ?? undefined,
    },
  }
}

/** How the log names who did something in a browser: random ids only. */
export const sessionFacts = ({ credentialId, person }: ConsoleSession): VisitorFacts => ({
  actor: formatId('credential', credentialId),
  actor_person: formatId('person', person.id),
})

/** Signs out; harmless when the session has ended meanwhile. */
export async function endConsoleSession(db: Db, session: ConsoleSession, nowMs: number): Promise<void> {
  await db.transaction().execute(async trx => {
    const row = await deleteCredential(trx, { kind: 'console', tenantId: session.tenantId }, session.credentialId)
    if (!row) return
    const event = {
      type: 'session.ended',
      tenantId: session.tenantId,
      facts: { ...sessionFacts(session), kind: 'console' },
    } as const
    await recordEvent(trx, event, nowMs)
  })
}
