// A world outside for tests of attachments: a connector that makes entries in a map, and what attaching and tending need of a
// real database. Two sets of deps on one world are two processes.

import { randomUUID } from 'node:crypto'
import type { AttachDeps } from '#core/connector/attach.ts'
import { type Access, ConnectorFailure, type Connectors, type Destroyed, type Target } from '#core/connector/connector.ts'
import { extendAttachment } from '#core/connector/extend.ts'
import type { ConnectorFailpoint, connectorFailpoints } from '#core/connector/failpoint.ts'
import { sealAdmin } from '#core/connector/registration.ts'
import { type TendDeps, tendAttachment } from '#core/connector/tend.ts'
import { newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { leaseAttachments, leaseExtensions } from '#db/connector/lease.ts'
import type { TestDatabase } from './database.ts'

export interface Thing {
  /** What opens it; undefined: nothing does. */
  secret: string | undefined
}

export class World {
  /** By attachment. */
  readonly things = new Map<string, Thing>()
  readonly destroyed: string[] = []
  readonly extended: number[] = []
  /** Called before each step; may throw, or take its time. */
  before: (step: string, target: Target) => void | Promise<void> = () => {}

  readonly connectors: Connectors = (() => {
    const grant = async (step: string, target: Target): Promise<Access> => {
      await this.before(step, target)
      const secret = randomUUID()
      this.things.set(target.attachmentId, { secret })
      return { secret }
    }
    const connector = {
      provision: (target: Target) => grant('provision', target),
      rotate: (target: Target) => grant('rotate', target),
      lock: async (target: Target) => {
        await this.before('lock', target)
        const thing = this.things.get(target.attachmentId)
        if (thing) thing.secret = undefined
      },
      extend: async (target: Target) => {
        await this.before('extend', target)
        this.extended.push(target.deadlineSeconds)
      },
      destroy: async (target: Target): Promise<readonly Destroyed[]> => {
        await this.before('destroy', target)
        this.destroyed.push(target.attachmentId)
        return this.things.delete(target.attachmentId) ? [{ what: 'thing', count: 1 }] : []
      },
    }
    return { postgres: connector, redis: connector, webhook: connector }
  })()

  opens(secret: unknown): boolean {
    return [...this.things.values()].some(thing => thing.secret !== undefined && thing.secret === secret)
  }
}

export const refusing = (): never => {
  throw new ConnectorFailure('unreachable', 'not there')
}

export type OutsideDeps = TendDeps & AttachDeps

/** One process. scopes: of every ceiling. */
export function outsideDepsOf(db: TestDatabase, world: World, changes: Partial<OutsideDeps> = {}): OutsideDeps {
  return {
    dbOf: tenantId => db.database.db.forTenant(tenantId),
    connectors: world.connectors,
    keyEncryption,
    ceilings: { get: async () => ({ scopes: ['db:use'], details: [] }) },
    clock: { nowMs: () => Date.now() },
    postpone: attempts => ({ seconds: 0, parked: attempts >= 3 }),
    ...changes,
  }
}

const keyEncryption = new LocalKeyEncryption(Buffer.alloc(32, 7))

export async function addConnector(db: TestDatabase, tenantId: string, keepSeconds = 0): Promise<string> {
  const id = newUuid()
  const { admin_sealed, kek_id } = await sealAdmin(keyEncryption, { id, tenant_id: tenantId }, { password: 'admin' })
  const config = { scope: 'db:use', data: { keep_seconds: keepSeconds }, settings: {} }
  await db.admin`
    insert into mayfly.connector (id, tenant_id, name, kind, config, admin_sealed, kek_id)
    values (${id}, ${tenantId}, ${id}, 'redis', ${JSON.stringify(config)}::text::jsonb, ${admin_sealed}, ${kek_id})`
  return id
}

/** Tells of every new deadline that is to be told. */
export async function extendAll(db: TestDatabase, deps: OutsideDeps): Promise<void> {
  const terms = { limit: 50, each: 50, leaseSeconds: 60, busy: [] }
  for (const one of await leaseExtensions(db.database.sql, terms)) await extendAttachment(deps, one)
}

/** What the worker does until nothing is due. */
export async function tendAll(db: TestDatabase, deps: OutsideDeps): Promise<string[]> {
  const outcomes: string[] = []
  for (;;) {
    const leased = await leaseAttachments(db.database.sql, { limit: 50, each: 50, leaseSeconds: 120, busy: [] })
    if (leased.length === 0) return outcomes
    for (const one of leased) outcomes.push(await tendAttachment(deps, one, () => {}))
  }
}

/** Every lease ends now, as that of a process which died. */
export async function endLeases(db: TestDatabase): Promise<void> {
  await db.admin`update mayfly.attachment set due_at = clock_timestamp() where state in ('making', 'renewing', 'locking', 'ending')`
}

/** Holds whoever comes to the moment for ever, as a kill would. */
export function dyingAt(moment: (typeof connectorFailpoints)[number]): { failpoint: ConnectorFailpoint; dead: Promise<void> } {
  const { promise: dead, resolve } = Promise.withResolvers<void>()
  const failpoint: ConnectorFailpoint = name => {
    if (name !== moment) return
    resolve()
    return new Promise<void>(() => {})
  }
  return { failpoint, dead }
}
