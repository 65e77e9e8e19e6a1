import type { Opening } from './append.ts'

/** What openings of one batch count for: a tenant, an agent, a parent account, an address. */
interface Room {
  readonly scope: string
  readonly tenant: string
  /** How many of them. */
  more: number
  /** How many active accounts there may be; null: without limit. */
  most: number | null
}

/** Each of them once, as JSON; null when nothing is opened. Added up here, the database need not look at each opening. */
export function roomOf(openings: readonly (Opening | null)[]): string | null {
  const rooms = new Map<string, Room>()
  const count = (scope: string, tenant: string, most: number | undefined): void => {
    const room = rooms.get(scope)
    if (!room) rooms.set(scope, { scope, tenant, more: 1, most: most ?? null })
    else {
      room.more++
      if (most !== undefined && (room.most === null || most < room.most)) room.most = most
    }
  }
  for (const opening of openings) {
    if (opening === null) continue
    const { tenant, agent, lineage, address, limits } = opening
    count(tenant, tenant, limits?.tenant)
    count(agent, tenant, limits?.agent)
    if (lineage) count(lineage.parent, tenant, limits?.parent)
    if (address !== undefined) count(address, tenant, limits?.address)
  }
  return rooms.size === 0 ? null : JSON.stringify([...rooms.values()])
}
