// All that is done outside because accounts changed. A part that has something to do adds its line here.

import { endDescendants } from '#core/reaper/descendants.ts'
import { readActiveDescendants, readParentsAmong } from '#db/accounts/due.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import type { Database } from '#db/connect.ts'
import type { OutboxHandler } from './handler.ts'

export interface HandlerDeps {
  readonly database: Database
}

export function createOutboxHandlers(deps: HandlerDeps): readonly OutboxHandler[] {
  return [descendants(deps)]
}

/** Changes after which nothing below an account lives on. */
const endsSubtree = new Set(['complete', 'expire', 'revoke', 'claim', 'close'])

function descendants({ database: { sql } }: HandlerDeps): OutboxHandler {
  const deps = {
    transition: transitionAccounts.bind(undefined, sql),
    readDescendants: readActiveDescendants.bind(undefined, sql),
  }
  return {
    name: 'descendants',
    pick: async rows => {
      const ending = rows.filter(({ transition }) => endsSubtree.has(transition))
      if (ending.length === 0) return []
      const parents = await readParentsAmong(
        sql,
        ending.map(({ accountId }) => accountId),
      )
      return ending.filter(({ accountId }) => parents.has(accountId))
    },
    handle: async ({ accountId }) => {
      await endDescendants(deps, accountId)
    },
  }
}
