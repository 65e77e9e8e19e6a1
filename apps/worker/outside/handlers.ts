// What an account's change means outside: for what is attached to it, and for who wants to be told.

import type { AttachDeps } from '#core/connector/attach.ts'
import { followAccount } from '#core/connector/follow-account.ts'
import { messageOf } from '#core/webhook/message.ts'
import type { Database } from '#db/connect.ts'
import { readAttachedAmong } from '#db/connector/lease.ts'
import { queueMessages, readTenantsWithWebhooks } from '#db/webhook/messages.ts'
import type { OutboxHandler } from '../outbox/handler.ts'

const ofAttachments = new Set(['complete', 'expire', 'revoke', 'close', 'claim', 'suspend', 'narrow', 'extend'])

export function attachmentHandler({ sql }: Database, deps: AttachDeps): OutboxHandler {
  return {
    name: 'attachments',
    pick: async rows => {
      const concerned = rows.filter(({ transition }) => ofAttachments.has(transition))
      if (concerned.length === 0) return []
      const attached = await readAttachedAmong(
        sql,
        concerned.map(({ accountId }) => accountId),
      )
      return concerned.filter(({ accountId }) => attached.has(accountId))
    },
    handle: row => followAccount(deps, row),
  }
}

export function webhookHandler({ sql, db }: Database): OutboxHandler {
  return {
    name: 'webhooks',
    pick: async rows => {
      const telling = rows.filter(row => messageOf(row) !== undefined)
      if (telling.length === 0) return []
      const tenants = await readTenantsWithWebhooks(sql, [...new Set(telling.map(({ tenantId }) => tenantId))])
      return telling.filter(({ tenantId }) => tenants.has(tenantId))
    },
    handle: async row => {
      const message = messageOf(row)
      if (message) await queueMessages(db.forTenant(row.tenantId), message)
    },
  }
}
