// Tenants with signing keys, and their rotation with shortened times. Time is data: `now` is moved, nobody waits.

import { randomBytes } from 'node:crypto'
import { newUuid } from '#core/ids/id.ts'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { type RotationDeps, type RotationFailpoint, rotateDueKeys } from '#core/keys/rotation/rotate-due.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import type { RotationTimes } from '#core/keys/rotation/times.ts'
import { createTenant, createTenantKeys } from '#core/registry/tenants.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

export const times: RotationTimes = { lifeSeconds: 10_000, aheadSeconds: 1_000, retiringSeconds: 2_000 }

export interface Deployment extends TestDatabase {
  readonly kek: LocalKeyEncryption
  /** Seconds after the tenants were made. */
  rotate(atSeconds: number, failpoint?: RotationFailpoint): ReturnType<typeof rotateDueKeys>
  /** `kid`s by state, of the first tenant's ES256 keys. */
  keys(): Promise<Record<string, string[]>>
  /** A tenant with its keys; the uuid. */
  addTenant(slug: string): Promise<string>
  readonly tenantId: string
}

export async function startDeployment(): Promise<Deployment> {
  const test = await createTestDatabase({ poolSize: 6 })
  const { db } = test.database
  const kek = new LocalKeyEncryption(randomBytes(32))
  const startMs = Date.now()
  const addTenant = async (slug: string): Promise<string> => {
    const id = newUuid(startMs)
    const keys = await createTenantKeys(kek, id, startMs)
    await db
      .forTenant(null)
      .transaction()
      .execute(trx => createTenant(trx, undefined, { id, slug, name: slug, isFirst: false, keys }, startMs))
    return id
  }
  const tenantId = await addTenant('first')
  const deps: RotationDeps = { db, uses: rotatingUses(kek, { signing: times }) }
  return {
    ...test,
    kek,
    addTenant,
    tenantId,
    rotate: (atSeconds, failpoint) => rotateDueKeys({ ...deps, failpoint }, startMs + atSeconds * 1000),
    async keys() {
      const rows = await test.admin<{ kid: string; state: string }[]>`
        select kid, state from mayfly.signing_key where tenant_id = ${tenantId} and alg = 'ES256' order by id`
      return Object.fromEntries(
        [...Map.groupBy(rows, ({ state }) => state)].map(([state, found]) => [state, found.map(({ kid }) => kid)]),
      )
    },
  }
}
