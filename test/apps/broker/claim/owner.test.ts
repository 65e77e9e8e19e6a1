import { describe, expect, test } from 'vitest'
import { suspendUnattended } from '#core/claim/suspend-claims.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { claimersOnly, refusalOf, setClaimableBy, useClaims } from '#test/setup/claims.ts'
import { useConsole } from '#test/setup/console.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
const claims = useClaims(broker, people)
const { open, code, confirm, claim, come, events } = claims

describe('an owner', () => {
  const own = (path: string, body?: object, visitor = claims.claimer) =>
    visitor.api(body ? 'POST' : 'GET', `/accounts${path}`, body)

  test('sees its accounts, newest first, and nobody else’s', async () => {
    const [a, b] = [await open(), await open()]
    await claim(a)
    await claim(b)
    const { accounts } = (await own('')).body
    expect(accounts.slice(0, 2).map((account: { id: string }) => account.id)).toEqual([b.id, a.id])
    expect((await own(`/${a.id}`)).body).toMatchObject({
      id: a.id,
      state: 'claimed',
      task_id: a.taskId,
      permissions: expect.any(Array),
    })
    const other = people.visit()
    await other.signIn('somebody-else')
    expect((await own('', undefined, other)).body).toEqual({ accounts: [] })
    expect((await own(`/${a.id}`, undefined, other)).status).toBe(404)
    for (const [verb, body] of [
      ['close', {}],
      ['readmit', { readmit: true }],
      ['review', { review_on: '2099-01-01' }],
    ] as const)
      expect((await own(`/${a.id}/${verb}`, body, other)).status, verb).toBeGreaterThanOrEqual(400)
    expect((await own(`/${a.id}`)).body.readmitted).toBe(false)
  })

  test('lets the agent in and shuts it out; shutting out ends its tokens', async () => {
    const account = await open()
    await claim(account)
    expect((await own(`/${account.id}/readmit`, { readmit: true })).body).toMatchObject({ readmitted: true })
    expect((await come(account)).status).toBe(200)
    expect((await own(`/${account.id}/readmit`, { readmit: false })).body).toMatchObject({ readmitted: false })
    expect((await come(account)).status).toBe(400)
    const [row] = await broker.database.admin`select generation from mayfly.account where id = ${account.uuid}`
    expect(row!['generation']).toBe(3)
  })

  test('sets the day of the next review, from tomorrow to a year ahead', async () => {
    const account = await open()
    await claim(account)
    const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
    expect((await own(`/${account.id}/review`, { review_on: day(30) })).body.review_on).toBe(day(30))
    for (const wrong of [day(-1), day(0), day(400), '2027-02-30', 'tomorrow'])
      expect(refusalOf(await own(`/${account.id}/review`, { review_on: wrong })), wrong).toEqual([400, 'validation_failed'])
    expect(await events('account.review_set', account)).toHaveLength(1)
  })

  test('closes an account for good', async () => {
    const account = await open()
    await claim(account, { readmit: true })
    expect((await own(`/${account.id}/close`, {})).body.state).toBe('closed')
    expect((await come(account)).status).toBe(400)
    expect((await own(`/${account.id}/readmit`, { readmit: true })).status).toBe(409)
    expect((await own(`/${account.id}/close`, {})).status).toBe(409)
  })

  test('that leaves, or lets the review date pass, leaves its agents shut out', async () => {
    const leaver = people.visit()
    await setClaimableBy(broker.running, { subjects: [{ issuer: people.idp.issuer, subject: 'leaver' }] })
    await leaver.signIn('leaver')
    const [left, overdue] = [await open(), await open()]
    for (const account of [left, overdue]) {
      const reply = await confirm(account, { code: await code(account), readmit: true }, leaver)
      expect(reply.status).toBe(200)
    }
    expect((await come(overdue)).status).toBe(200)
    await broker.database.admin`update mayfly.claim set review_on = current_date - 2 where account_id = ${overdue.uuid}`
    // Before anybody has suspended it.
    expect((await come(overdue)).status).toBe(400)
    const { sql, db } = broker.running.broker.deps.database
    const suspend = () => suspendUnattended({ db, transition: changes => transitionAccounts(sql, changes) }, Date.now())
    expect(await suspend()).toBe(1)
    expect([(await come(overdue)).status, (await come(left)).status]).toEqual([400, 200])
    const { items } = (await broker.running.v1('GET', '/v1/people')).body
    const { id } = items.find((person: { subject: string }) => person.subject === 'leaver')
    expect((await broker.running.v1('POST', `/v1/people/${id}/sign-out`)).status).toBe(200)
    await suspend()
    expect((await come(left)).status).toBe(400)
    expect(await events('account.suspended', left)).toMatchObject([{ reason: 'owner_left' }])
    expect(await events('account.suspended', overdue)).toMatchObject([{ reason: 'review_overdue' }])
    await leaver.signIn('leaver')
    expect((await own(`/${overdue.id}/readmit`, { readmit: true }, leaver)).body.readmitted).toBe(true)
    expect(await suspend()).toBe(0)
    await setClaimableBy(broker.running, claimersOnly(people.provider))
  })
})
