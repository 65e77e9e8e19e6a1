import { randomBytes, randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'

/** What comes there by ways that would take long to walk: what receivers and callers of their own say. */
export async function plantIn(admin: Sql, tenantId: string, email: string): Promise<void> {
  const told = JSON.stringify({ format: 'email', email })
  await admin.begin(async trx => {
    await trx`set local session_replication_role = 'replica'`
    await trx`insert into mayfly.idempotency (credential_id, key_hash, fingerprint, response, expires_at, tenant_id)
      values (${randomUUID()}, ${randomBytes(32)}, ${randomBytes(32)}, ${told}::text::jsonb, now() + interval '1 day', ${tenantId})`
    await trx`insert into mayfly.webhook_message (id, tenant_id, webhook_id, event, type, body)
      values (${randomUUID()}, ${tenantId}, ${randomUUID()}, 'x', 'x', ${told})`
    await trx`insert into mayfly.ssf_subject (stream_id, tenant_id, hash, subject)
      values (${randomUUID()}, ${tenantId}, ${randomBytes(32)}, ${told}::text::jsonb)`
    await trx`insert into mayfly.ssf_notice (id, tenant_id, stream_id, type, claims)
      values (${randomUUID()}, ${tenantId}, ${randomUUID()}, 'verification', ${told}::text::jsonb)`
    await trx`insert into mayfly.ssf_dead_letter (id, tenant_id, stream_id, shard, epoch, event, err)
      values (${randomUUID()}, ${tenantId}, ${randomUUID()}, ${randomUUID()}, 1, ${told}::text::jsonb, 'x')`
    await trx`insert into mayfly.enrolment (id, tenant_id, agent_id, instance, trust_source_id, basis, not_after)
      values (${randomUUID()}, ${tenantId}, ${randomUUID()}, ${email}, ${randomUUID()}, ${randomBytes(32)}, now())`
  })
}
