import { ListNames } from '#core/status-list/list-names.ts'
import { PublishedLists } from '#core/status-list/published-lists.ts'
import { readFeedHeads } from '#db/revocation/feed.ts'
import { readRevokedPlaces } from '#db/status-list/read-list.ts'
import type { BrokerDeps } from './deps.ts'
import type { StatusListRouteDeps } from './routes/oauth/status-list.ts'

export function createStatusLists({ config, database: { db }, clock, directory }: BrokerDeps): StatusListRouteDeps {
  const published = new PublishedLists({
    clock,
    readHead: async tenantId => {
      const [head] = await readFeedHeads(db, [tenantId])
      if (!head) throw new Error(`tenant ${tenantId} has no feed`)
      return head
    },
    readRevoked: (tenantId, list) => readRevokedPlaces(db.forTenant(tenantId), tenantId, list),
  })
  return { directory, statusLists: { names: new ListNames(config.keyEncryptionKey), published } }
}
