// Tenants with keys, their receivers and streams, and what is revoked there: all that pushing needs, without a broker.

import { randomUUID } from 'node:crypto'
import { vi } from 'vitest'
import { createHttpsClient, type HttpsClient } from '#apps/outbound/https.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import { createLogger } from '#apps/process/logger.ts'
import type { Lanes } from '#apps/worker/outside/lanes.ts'
import { createPushLanes } from '#apps/worker/ssf/ssf.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { createSigningKey, toSigningKeyRow } from '#core/keys/signing-key.ts'
import type { Principal } from '#core/operators/principal.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { createReceiver } from '#core/ssf/receivers.ts'
import { SetSigners } from '#core/ssf/set-signers.ts'
import { createStream, pushMethod, type StreamInput } from '#core/ssf/streams.ts'
import { insertSigningKey } from '#db/registry/signing-keys.ts'
import { publishRevocations } from '#db/revocation/publish.ts'
import { createTenant } from '#test/db/log/requests.ts'
import type { TestDatabase } from '#test/setup/database.ts'
import type { SetReceiver } from '#test/setup/set-receiver.ts'

const actor: Principal = { credentialId: randomUUID(), role: 'tenant-admin', tenantId: null, resourceId: undefined }

export class PushWorld {
  readonly keyEncryption = new LocalKeyEncryption(Buffer.alloc(32, 7))
  readonly https = createHttpsClient(createOutbound({ allowed: everythingInside, ownStores: [] }), {
    timeoutMs: 10_000,
    connections: 4,
  })
  readonly logLines: string[] = []
  /** Streams that a test itself holds. */
  leasedElsewhere = 0
  readonly db: TestDatabase

  constructor(db: TestDatabase) {
    this.db = db
  }

  sender(https: HttpsClient = this.https) {
    return createPushLanes({
      database: this.db.database,
      keyEncryption: this.keyEncryption,
      signers: new SetSigners(this.keyEncryption),
      https,
      clock: { nowMs: () => Date.now() },
      logger: createLogger('worker', 'info', line => this.logLines.push(line)),
    })
  }

  /** Sends until nothing is due and nobody is sending, though other senders may have taken some of it. */
  async serve(lanes: Lanes = this.sender()): Promise<void> {
    await vi.waitFor(async () => {
      await lanes.drain()
      const left = await this.db.admin`
        select from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id
         where s.method = 'push' and (s.leased_until > clock_timestamp() or s.hold_until <= clock_timestamp() and (
           s.status = 'enabled' and (s.cursor < f.epoch or s.shard <> f.shard)
           or exists (select from mayfly.ssf_notice n where n.stream_id = s.id and s.status = 'enabled')))`
      if (left.length > this.leasedElsewhere) throw new Error('something is due or being sent')
    }, 10_000)
  }

  dbOf(tenantId: string) {
    return this.db.database.db.forTenant(tenantId)
  }

  async tenant(): Promise<string> {
    const tenantId = await createTenant(this.db.admin)
    const key = await createSigningKey(this.keyEncryption, { tenantId, alg: 'RS256', nowMs: Date.now() })
    await this.dbOf(tenantId)
      .transaction()
      .execute(trx => insertSigningKey(trx, toSigningKeyRow(key), 'active', Date.now()))
    return tenantId
  }

  /** A stream of a receiver of its own; undefined: it is polled. */
  async stream(tenantId: string, to: Pick<SetReceiver, 'url' | 'caPem'> | undefined, input: StreamInput = {}) {
    return this.dbOf(tenantId)
      .transaction()
      .execute(async trx => {
        const change = { actor, tenantId, nowMs: Date.now() }
        const { row, secret } = await createReceiver(trx, change, {
          name: randomUUID(),
          audience: 'https://receiver.example',
          caPem: to?.caPem,
          ttlSeconds: 3_600,
        })
        const caller = { id: row.id, tenantId, audience: row.audience }
        const by = { caller, issuer: 'https://broker.example', keyEncryption: this.keyEncryption, nowMs: Date.now() }
        const delivery = to && { method: pushMethod, endpoint_url: to.url, authorization_header: 'Bearer of-the-receiver' }
        return { id: await createStream(trx, by, { delivery, ...input }), caller, by, secret }
      })
  }

  /** Revokes so many tokens, one transaction for each; their ids. */
  async revokeTokens(tenantId: string, count: number): Promise<string[]> {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push(await this.revoke(tenantId, 'j', formatId('token', newUuid())))
    return ids
  }

  async revoke(tenantId: string, kind: 'j' | 'k' | 'c', subject: string): Promise<string> {
    const cause = kind === 'j' ? 'token' : kind === 'k' ? 'key' : 'agent'
    await this.dbOf(tenantId)
      .transaction()
      .execute(trx =>
        publishRevocations(trx, [
          { id: newUuid(), tenantId, kind, subject, least: null, cause, by: { actor_role: 'tenant-admin' } },
        ]),
      )
    return subject
  }

  releaseHolds(): Promise<unknown> {
    return this.db.admin`update mayfly.ssf_stream set hold_until = '-infinity'`
  }

  async state(id: string) {
    const [row] = await this.db.admin`
      select cursor::int, ahead, failures, failure, failure_status, status, taken_at is not null as taken, leased_until > now() as leased
        from mayfly.ssf_stream where id = ${id}`
    return row
  }
}
