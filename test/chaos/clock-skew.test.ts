// Fault F8: the wall clock of the broker's machine is wrong, or jumps. Only the database's clock decides.

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseId } from '#core/ids/id.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import type { Answer } from '#test/setup/registration.ts'
import { payloadOf } from './rig/check-log.ts'
import { type Rig, startRig } from './rig/rig.ts'

const shiftClock = fileURLToPath(new URL('rig/shift-clock.ts', import.meta.url))
const shifts = { 'ten minutes ahead': 600_000, 'ten minutes behind': -600_000 }

let database: TestDatabase
let rig: Rig
beforeAll(async () => {
  database = await createTestDatabase()
  rig = await startRig(database.urls.app)
})
afterAll(async () => {
  await rig?.close()
  await database?.close()
})

async function databaseSeconds(): Promise<number> {
  const [row] = await database.admin<{ now: number }[]>`select extract(epoch from clock_timestamp())::float8 as now`
  return row!.now
}

const ask = (run: string, claims: Parameters<Rig['form']>[2] = {}): Promise<Answer> =>
  rig.http.token(rig.form(run, {}, claims), rig.certificate)

const readiness = async (): Promise<{ status: number; faults: string[] }> => {
  const { status, body } = await rig.http.v1('GET', '/readyz', '')
  return { status, faults: body.faults }
}

/** Moves the account's deadline to this many seconds from the database's now. */
async function setDeadline(accountId: string, seconds: number): Promise<void> {
  await database.admin`update mayfly.account set deadline = clock_timestamp() + make_interval(secs => ${seconds})
    where id = ${parseId('account', accountId)!}`
}

test('a broker whose clock is right is ready', async () => {
  expect(await readiness()).toEqual({ status: 200, faults: [] })
})

describe.each(Object.entries(shifts))('F8: a broker whose clock is %s', (name, shiftMs) => {
  beforeAll(async () => {
    await rig.broker.kill()
    await rig.start({ MAYFLY_TEST_SHIFT_MS: String(shiftMs) }, [shiftClock])
  })

  test('refuses readiness and says why', async () => {
    const { status, faults } = await readiness()
    expect(status).toBe(503)
    expect(faults.join()).toMatch(new RegExp(`clock of this node is ${shiftMs < 0 ? '-' : ''}(599|600|601) s off`))
  })

  test("dates tokens by the database's clock", async () => {
    const before = Math.floor(await databaseSeconds())
    const { status, body } = await ask(`dated ${name}`)
    const after = Math.ceil(await databaseSeconds())
    expect(status).toBe(200)
    const { iat, exp } = payloadOf(body.access_token) as { iat: number; exp: number }
    expect(iat).toBeGreaterThanOrEqual(before)
    expect(iat).toBeLessThanOrEqual(after)
    expect(exp - iat).toBe(300)
    expect(body.expires_in).toBe(300)
  })

  test("ends an account at its deadline on the database's clock, neither before nor after", async () => {
    const first = await ask(`ended ${name}`)
    await setDeadline(first.body.account_id, 310)
    expect((await ask(`ended ${name}`)).status).toBe(200)
    await setDeadline(first.body.account_id, -1)
    expect((await ask(`ended ${name}`)).body).toMatchObject({ error: 'access_denied' })
  })

  test("judges a subject token's times by the database's clock", async () => {
    const nowSeconds = Math.floor(await databaseSeconds())
    expect((await ask(`fresh ${name}`, { nowSeconds, ttlSeconds: 60 })).status).toBe(200)
    const old = await ask(`old ${name}`, { nowSeconds: nowSeconds - 120, ttlSeconds: 118 })
    expect([old.status, old.body.error]).toEqual([400, 'invalid_request'])
    expect(old.body.error_description).toMatch(/expired/)
    const early = await ask(`early ${name}`, { nowSeconds: nowSeconds + 300, ttlSeconds: 600 })
    expect([early.status, early.body.error]).toEqual([400, 'invalid_request'])
  })
})

describe.each(Object.entries(shifts))('F8: a clock that jumps %s while the broker runs', (name, jumpMs) => {
  test('moves no token, and takes the node out of service', async () => {
    await rig.broker.kill()
    const broker = await rig.start({ MAYFLY_TEST_JUMP_MS: String(jumpMs) }, [shiftClock])
    expect(await readiness()).toEqual({ status: 200, faults: [] })
    broker.process.kill('SIGUSR2')
    await expect.poll(async () => (await readiness()).status).toBe(503)
    const now = await databaseSeconds()
    const { status, body } = await ask(`jumped ${name}`)
    expect(status).toBe(200)
    const { iat, exp } = payloadOf(body.access_token) as { iat: number; exp: number }
    expect(Math.abs(iat - now)).toBeLessThanOrEqual(2)
    expect(exp - iat).toBe(300)
  })
})
