// Who gets a place when all are taken. A tenant, and within it a resource, that opens streams without end must not shut the others
// out: whoever has fewer takes a place from the one that has the most. The one that lost it would have to have two fewer than the
// most to take one back, so places do not go round in circles.

import type { FeedReader } from './feed-stream.ts'

/**
 * Whose place the newcomer takes, among those that are taken; undefined: nobody's, it is turned away. Of the resource that has
 * the most, the stream that came last, which has served its guard for the shortest time. taken: in the order in which they came.
 */
export function findPlace<Taken extends { readonly reader: FeedReader }>(
  taken: Iterable<Taken>,
  newcomer: FeedReader,
): Taken | undefined {
  const all = [...taken]
  const byTenant = largest(all, newcomer, ({ tenantId }) => tenantId)
  const ofTenant = all.filter(({ reader }) => reader.tenantId === byTenant?.name)
  if (byTenant && byTenant.name !== newcomer.tenantId) {
    if (byTenant.most < byTenant.own + 2) return undefined
    const greedy = largest(ofTenant, undefined, ({ resourceId }) => resourceId)
    return ofTenant.findLast(({ reader }) => reader.resourceId === greedy?.name)
  }
  const greedy = largest(ofTenant, newcomer, ({ resourceId }) => resourceId)
  if (!greedy || greedy.name === newcomer.resourceId || greedy.most < greedy.own + 2) return undefined
  return ofTenant.findLast(({ reader }) => reader.resourceId === greedy.name)
}

interface Largest {
  readonly name: string
  readonly most: number
  /** How many the newcomer's own has. */
  readonly own: number
}

/** The newcomer's own, where several have as many. */
function largest(
  taken: readonly { readonly reader: FeedReader }[],
  newcomer: FeedReader | undefined,
  nameOf: (reader: FeedReader) => string,
): Largest | undefined {
  const counts = new Map<string, number>()
  for (const { reader } of taken) counts.set(nameOf(reader), (counts.get(nameOf(reader)) ?? 0) + 1)
  const ownName = newcomer && nameOf(newcomer)
  const own = ownName === undefined ? 0 : (counts.get(ownName) ?? 0)
  let found: Largest | undefined = own > 0 && ownName !== undefined ? { name: ownName, most: own, own } : undefined
  for (const [name, most] of counts) if (!found || most > found.most) found = { name, most, own }
  return found
}
