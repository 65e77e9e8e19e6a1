// Every column that can hold a text, from the catalog: what erasing somebody does with it, or why it never holds what somebody is called.
// A column that a later migration adds has to say so here.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

/** Changed or deleted when somebody is erased. */
const treated = `
  log.body.body mayfly.account.task_id mayfly.agent.owner mayfly.change.after mayfly.change.before mayfly.change.body
  mayfly.change.break_glass_reason mayfly.credential.name mayfly.enrolment.instance mayfly.idempotency.response mayfly.join_token.note
  mayfly.legal_hold.matter mayfly.person.email mayfly.person.issuer mayfly.person.name mayfly.person.subject mayfly.ssf_dead_letter.description
  mayfly.ssf_dead_letter.event mayfly.ssf_notice.claims mayfly.ssf_subject.subject mayfly.webhook_message.body mayfly.console_session.groups`

/** What somebody registered: erasing is refused while it names whoever is to be erased. */
const refusedWhileNamed = `
  mayfly.agent.name mayfly.agent.rules mayfly.agent.settings mayfly.connector.config mayfly.connector.name mayfly.resource.config
  mayfly.resource.name mayfly.resource.uri mayfly.sign_in_provider.config mayfly.sign_in_provider.name mayfly.ssf_receiver.audience
  mayfly.ssf_receiver.name mayfly.ssf_stream.description mayfly.ssf_stream.endpoint_url mayfly.ssf_stream.status_reason
  mayfly.trust_source.audience mayfly.trust_source.config mayfly.trust_source.name mayfly.webhook.config mayfly.webhook.name`

/** Sealed under a key that an erasure destroys. */
const sealed = 'mayfly.erasure.sealed'

/** Who is met in a column of these kinds is an organisation, a machine, a public key, or a word of ours. */
const organisations = `
  mayfly.tenant.name mayfly.tenant.slug mayfly.tenant.two_person mayfly.sign_in_provider.client_id mayfly.sign_in_provider.issuer
  mayfly.ssf_stream.issuer mayfly.trust_source.issuer mayfly.tenant_limits.granted mayfly.tenant_limits.own mayfly.ceiling.permission
  mayfly.feed_receiver.name`

const ours = (name: string): boolean =>
  /\.(kind|state|status|type|class|operation|role|alg|kid|kek_id|outcome|err|transition|cause|method|shard|decision|reason|event|failure|ended_by|token_id|receiver_id)$/.test(
    name,
  )

/** Random ids, numbers and words of ours in JSON or text. */
const idsAndWords: Readonly<Record<string, string>> = {
  'log.entry.leaf': 'random ids, times, names of types and salted hashes: what proofs stand on',
  'log.pending.leaf': 'the same, between a statement and the end of its transaction',
  'log.pending.body': 'as log.body, between a statement and the end of its transaction',
  'log.report_mention.refused': 'codes of guards: lower case, at most 64 characters',
  'log.checkpoint.note': 'sizes, hashes and signatures',
  'log.fork.sealed_root': 'a hash',
  'log.fork_unknown.root': 'a hash',
  'log.checkpoint_disowned.by': 'a login of the database',
  'log.sealer.fault': 'words of ours and positions',
  'log.sealer.origin': 'our own address',
  'log.sealer.verifier_key': 'a public key',
  'log.sealer.witnesses': 'names of witnesses, which are programs',
  'log.pending_revocation.actor': 'as mayfly.revocation.actor, between a statement and the end of its transaction',
  'log.pending_revocation.subject': 'as mayfly.revocation.subject, between a statement and the end of its transaction',
  'log.signer.handover': 'public keys and signatures',
  'log.signer.verifier_key': 'a public key',
  'log.transition.name': 'written by migrations',
  'log.transition.due': 'written by migrations',
  'log.transition.of_child': 'written by migrations',
  'log.retention_class.name': 'written by migrations',
  'mayfly.attachment.destroyed': 'what kind of thing was destroyed',
  'mayfly.attachment.receipt': 'a hash',
  'mayfly.ca_key.certificate_pem': 'of our own authority',
  'mayfly.change.params': 'ids',
  'mayfly.lineage.quota': 'numbers',
  'mayfly.outbox.payload': 'reasons of ours',
  'mayfly.audit_sink.name': 'a name of the operator’s own system',
  'mayfly.change.proposer_role': 'a role',
  'mayfly.revocation.subject': 'an id of ours: an account, a token, an agent, a key',
  'mayfly.revocation.actor': 'ids and roles',
  'mayfly.signing_key.public_jwk': 'a public key',
  'mayfly.ssf_receiver.ca_pem': 'an authority',
  'mayfly.ssf_stream.ahead': 'ids of messages',
  'mayfly.ssf_stream.events_requested': 'names of types',
  'mayfly.sweep.facts': 'ids, roles',
  'mayfly.webhook.public_key': 'a public key',
}

test('every column with text is treated, refused while it names somebody, or holds what is nobody’s name', async () => {
  const rows = await db.admin<{ name: string }[]>`
    select n.nspname || '.' || c.relname || '.' || a.attname as name from pg_attribute a
      join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('mayfly', 'log', 'across') and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
       and not a.attisdropped and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'json'::regtype, 'text[]'::regtype)
     order by 1`
  const known = new Set([
    ...[treated, refusedWhileNamed, sealed, organisations].flatMap(list => list.trim().split(/\s+/)),
    ...Object.keys(idsAndWords),
  ])
  const unknown = rows.map(({ name }) => name).filter(name => !known.has(name) && !ours(name))
  expect(unknown).toEqual([])
  const names = new Set(rows.map(({ name }) => name))
  expect([...known].filter(name => !names.has(name))).toEqual([])
})
