// Where an account stands in its tree. A child is opened by another account's authority; all that it may ever do follows from
// what is written then and never changes: its root, its ancestors and their generations, their agents, how deep it may go on.

import type { Account } from '#core/account/account.ts'
import { formatId } from '#core/ids/id.ts'
import type { LineageRow } from '#db/accounts/read-lineages.ts'
import type { NewLineage } from '#db/log/append.ts'
import { maxDepthOf } from './depth.ts'

export type Lineage = LineageRow

/** What a token says of its account's place. */
export interface Chain {
  /** uuid of the account whose authority is used: the token's `sub`. */
  readonly rootId: string
  readonly depth: number
  readonly maxDepth: number
  /** Client ids of the agents above, from the parent's outwards to the root's: the nested `act`. */
  readonly actors: readonly string[]
}

/** lineage: undefined for a root, whose depth its agent's registration bounds. */
export function chainOf(account: Account, settings: { readonly max_depth?: number }, lineage: Lineage | undefined): Chain {
  if (!lineage) return { rootId: account.id, depth: 0, maxDepth: maxDepthOf(settings), actors: [] }
  const { rootId, depth, maxDepth, agents } = lineage
  return { rootId, depth, maxDepth, actors: agents.map(agent => formatId('agent', agent)) }
}

/** The place of a child that is opened now. parentLineage: undefined where the parent is a root. */
export function lineageOfChild(
  parent: Account,
  parentLineage: Lineage | undefined,
  { maxDepth, quota }: { readonly maxDepth: number; readonly quota: Readonly<Record<string, number>> | null },
): NewLineage {
  return {
    root: parentLineage?.rootId ?? parent.id,
    parent: parent.id,
    depth: (parentLineage?.depth ?? 0) + 1,
    max_depth: maxDepth,
    ancestors: [parent.id, ...(parentLineage?.ancestors ?? [])],
    generations: [parent.generation, ...(parentLineage?.generations ?? [])],
    agents: [parent.agentId, ...(parentLineage?.agents ?? [])],
    quota,
  }
}

/** A new lineage as it will be read. */
export const lineageOf = (accountId: string, made: NewLineage): Lineage => ({
  accountId,
  rootId: made.root,
  parentId: made.parent,
  depth: made.depth,
  maxDepth: made.max_depth,
  ancestors: made.ancestors,
  generations: made.generations,
  agents: made.agents,
  quota: made.quota as Lineage['quota'],
})
