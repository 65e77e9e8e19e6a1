import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Keyring } from '#core/keys/keyring.ts'
import type { RotationFailpoint } from '#core/keys/rotation/rotate-due.ts'
import { loadSnapshot } from '#core/registry/load-snapshot.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { type Deployment, startDeployment, times } from './deployment.ts'

let here: Deployment
beforeEach(async () => {
  here = await startDeployment()
})
afterEach(() => here.close())

const { lifeSeconds: life, aheadSeconds: ahead, retiringSeconds: retiring } = times
/** A little later than due, since the tenant was made a little after the clock was read. */
const late = 5

const events = async () =>
  (await readLog(here.admin)).filter(({ leaf, body }) => leaf.type.startsWith('signing_key.') && body.alg === 'ES256')
const kinds = async () => (await events()).map(({ leaf }) => leaf.type.slice('signing_key.'.length))
const snapshot = () =>
  loadSnapshot({ db: here.database.db, keyring: new Keyring(here.kek), baseUrl: 'https://broker.example' }, here.tenantId)
const published = async () => (await snapshot())!.jwks.keys.map(({ kid }) => kid)
const signs = async () => (await snapshot())!.signers.get('ES256')?.kid

describe('a key', () => {
  test('is published before it signs, published until its last token has ended, and destroyed then', async () => {
    const [first] = (await here.keys())['active']!
    expect((await here.rotate(life - ahead - late)).published).toBe(0)
    await here.rotate(life - ahead + late)
    const [second] = (await here.keys())['next']!
    expect(await published()).toEqual(expect.arrayContaining([first, second]))
    expect(await signs()).toBe(first)

    expect((await here.rotate(life - late)).activated).toBe(0)
    await here.rotate(life + late + late)
    expect(await here.keys()).toEqual({ retiring: [first], active: [second] })
    expect(await published()).toEqual(expect.arrayContaining([first, second]))
    expect(await signs()).toBe(second)

    expect((await here.rotate(life + retiring - late)).retired).toBe(0)
    await here.rotate(life + retiring + 3 * late)
    expect(await here.keys()).toEqual({ retired: [first], active: [second] })
    expect(await published()).not.toContain(first)
    const [row] = await here.admin`select private_sealed, kek_id from mayfly.signing_key where kid = ${first!}`
    expect(row).toEqual({ private_sealed: null, kek_id: null })
    expect(await kinds()).toEqual(['created', 'published', 'activated', 'retired'])
  })

  test('is rotated in every tenant and algorithm, however many are due at once', async () => {
    for (let i = 0; i < 5; i++) await here.addTenant(`more-${i}`)
    const round = await here.rotate(life)
    expect(round).toMatchObject({ published: 12, activated: 0, retired: 0, failures: [] })
    expect(await here.rotate(life + ahead + late)).toMatchObject({ published: 0, activated: 12 })
  })

  test('that was forgotten for years is still published before it signs', async () => {
    const [first] = (await here.keys())['active']!
    await here.rotate(life * 100)
    expect((await here.keys())['active']).toEqual([first])
    expect((await here.keys())['next']).toHaveLength(1)
  })
})

const moments: Parameters<RotationFailpoint>[0][] = [
  'publish-uncommitted',
  'publish-committed',
  'activate-uncommitted',
  'activate-committed',
  'retire-uncommitted',
  'retire-committed',
]
const schedule = [life - ahead + late, life + 2 * late, life + retiring + 3 * late]

describe('F13: a worker that dies', () => {
  test.each(moments)('at %s leaves a step done or not begun, and the next worker ends where it would have', async moment => {
    const [first] = (await here.keys())['active']!
    let crashes = 0
    const crash: RotationFailpoint = at => {
      if (at !== moment) return
      crashes++
      throw new Error('killed')
    }
    for (const at of schedule) {
      const before = await signs()
      await here.rotate(at, crash)
      // Whatever happened, exactly one key signs, and it is published.
      const now = await signs()
      expect(await published()).toContain(now)
      if (moment === 'activate-uncommitted' && at === schedule[1]) expect(now).toBe(before)
      await here.rotate(at)
    }
    expect(crashes).toBeGreaterThan(0)
    expect((await here.keys())['retired']).toEqual([first])
    expect((await here.keys())['active']).toHaveLength(1)
    expect(await kinds()).toEqual(['created', 'published', 'activated', 'retired'])
  })

  test('with its connection, in the middle of a step, leaves nothing of it', async () => {
    // The tenant is held, so the step waits inside its transaction; there it is ended, as if the machine were gone.
    const holder = await here.admin.reserve()
    await holder`begin`
    await holder`select 1 from mayfly.tenant where id = ${here.tenantId} for update`
    const rotating = here.rotate(life)
    await expect
      .poll(() => here.admin`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`, {
        interval: 5,
      })
      .not.toHaveLength(0)
    await here.admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await holder`rollback`
    holder.release()
    const round = await rotating
    expect(round.failures.length).toBeGreaterThan(0)
    await here.rotate(life)
    expect((await here.keys())['next']).toHaveLength(1)
    expect(await kinds()).toEqual(['created', 'published'])
  })
})

test('F13: two workers at once do each step once, with one event', async () => {
  for (const at of schedule) {
    const rounds = await Promise.all([here.rotate(at), here.rotate(at), here.rotate(at)])
    expect(rounds.flatMap(({ failures }) => failures)).toEqual([])
    const done = rounds.reduce((sum, { published: p, activated: a, retired: r }) => sum + p + a + r, 0)
    expect(done).toBe(2)
  }
  expect(await kinds()).toEqual(['created', 'published', 'activated', 'retired'])
})

test('a tenant whose step fails holds up no other', async () => {
  const other = await here.addTenant('other')
  await here.admin.unsafe(
    `alter table mayfly.signing_key add constraint broken check (state <> 'next' or tenant_id <> '${here.tenantId}')`,
  )
  const round = await here.rotate(life)
  expect(round.published).toBe(2)
  expect(round.failures.map(({ tenantId }) => tenantId)).toEqual([here.tenantId, here.tenantId])
  const rows = await here.admin`select 1 from mayfly.signing_key where tenant_id = ${other} and state = 'next'`
  expect(rows).toHaveLength(2)
})

describe('the database', () => {
  const illegal = [
    ['next', 'retiring'],
    ['active', 'next'],
    ['retiring', 'active'],
    ['retiring', 'next'],
    ['retired', 'active'],
    ['retired', 'retiring'],
    ['retired', 'next'],
  ] as const
  test.each(illegal)('lets no key go from %s to %s', async (from, to) => {
    const path = { next: [], active: [], retiring: ['retiring'], retired: ['retired'] }[from]
    const [key] = (await here.keys())['active']!
    if (from === 'next') await here.rotate(life)
    const kid = from === 'next' ? (await here.keys())['next']![0]! : key!
    for (const state of path) await here.admin`update mayfly.signing_key set state = ${state} where kid = ${kid}`
    await expect(here.admin`update mayfly.signing_key set state = ${to} where kid = ${kid}`).rejects.toMatchObject({
      code: '23514',
    })
  })

  test('keeps no private part of a retired key, whoever retires it', async () => {
    const [key] = (await here.keys())['active']!
    await here.admin`update mayfly.signing_key set state = 'retired' where kid = ${key!}`
    const [row] = await here.admin`select private_sealed, kek_id from mayfly.signing_key where kid = ${key!}`
    expect(row).toEqual({ private_sealed: null, kek_id: null })
    await expect(
      here.admin`update mayfly.signing_key set private_sealed = 'x', kek_id = 'x' where kid = ${key!}`,
    ).rejects.toMatchObject({ code: '23514' })
  })
})
