import { beforeAll, describe, expect, test } from 'vitest'
import { confirmClaim } from '#core/claim/confirm.ts'
import { suspendUnattended } from '#core/claim/suspend-claims.ts'
import { parseId } from '#core/ids/id.ts'
import { createSessionFinder } from '#core/operators/sign-in/console-session.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { claimDepsOf, type OpenedAccount, openAccount, setClaimableBy, showCode } from '#test/setup/claims.ts'
import { useConsole, type Visitor } from '#test/setup/console.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
let claimer: Visitor
let count = 0
const open = (form = {}): Promise<OpenedAccount> => openAccount(broker.running, `task-${++count}`, form)
const code = (account: OpenedAccount) => showCode(broker.running, account)
const look = ({ secret }: OpenedAccount, visitor = claimer) => visitor.api('POST', '/claims/look', { secret })
const confirm = (account: OpenedAccount, given: object, visitor = claimer) =>
  visitor.api('POST', '/claims/confirm', { secret: account.secret, readmit: false, ...given })
const claim = async (account: OpenedAccount, given = {}) => confirm(account, { code: await code(account), ...given })
const come = ({ taskId }: OpenedAccount, changes: Record<string, string | undefined> = {}) =>
  broker.running.token(broker.running.form({ task_id: taskId, ...changes }), broker.running.certificate)
const events = async (type: string, { uuid }: OpenedAccount) => {
  const rows = await broker.database.admin<{ body: string }[]>`
    select b.body from log.entry e join log.body b using (position)
     where e.leaf::jsonb ->> 'type' = ${type} and e.leaf::jsonb ->> 'account' = ${uuid} order by e.position`
  return rows.map(row => JSON.parse(row.body))
}
const codeOf = (reply: { status: number; body: { code: string } }) => [reply.status, reply.body?.code]
const details = [{ type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/{id}' }]

beforeAll(async () => {
  await setClaimableBy(broker.running, { providers: [people.provider], groups: ['mayfly-claimers'] })
  claimer = people.visit()
  await claimer.signIn('claimer')
})

describe('looking at a claim', () => {
  test('shows who asks, from where, for what, and how old it is, and changes nothing', async () => {
    const account = await open()
    const first = await look(account)
    expect(first.status).toBe(200)
    expect(first.body).toMatchObject({
      account: {
        id: account.id,
        task_id: account.taskId,
        state: 'active',
        origin_address: '127.0.0.1',
        origin_subject: 'workload',
        claimed_at: null,
      },
      agent: { id: broker.running.ids.agent, name: 'agent', owner: 'team@test.example' },
      scopes: [{ scope: 'orders:read', text: 'Read orders' }],
      readmission: { offered: true },
      claimable: true,
    })
    expect(first.body.permissions).toHaveLength(2)
    expect(first.body.permissions[0]).toEqual({ text: expect.stringContaining('GET'), entry: details[0] })
    expect((await look(account)).body).toEqual(first.body)
    expect((await come(account)).status).toBe(200)
  })

  test('asks strangers to sign in, and refuses whoever the agent’s registration does not name', async () => {
    const account = await open()
    expect(codeOf(await look(account, people.visit()))).toEqual([401, 'sign_in_needed'])
    const other = people.visit()
    await other.signIn('somebody-else')
    expect(codeOf(await look(account, other))).toEqual([403, 'not_claimable_by_you'])
    expect(codeOf(await confirm(account, { code: await code(account) }, other))).toEqual([403, 'not_claimable_by_you'])
    expect(codeOf(await other.api('POST', '/claims/refuse', { secret: account.secret }))).toEqual([403, 'not_claimable_by_you'])
    expect((await look(account)).status).toBe(200)
  })
})

describe('claiming', () => {
  test('makes one person the owner, lifts the deadline, and ends every token and the link', async () => {
    const account = await open()
    const reply = await claim(account)
    expect(reply.body).toMatchObject({
      account: {
        id: account.id,
        state: 'claimed',
        expires_at: null,
        readmitted: false,
        attachments: [],
        agent: { name: 'agent' },
      },
    })
    expect(reply.body.account.review_on).toMatch(/^\d{4}-\d\d-\d\d$/)
    const [row] = await broker.database.admin`
      select a.state::text, a.generation, a.deadline = 'infinity' as forever, a.claim_hash, p.subject, p.issuer
        from mayfly.account a join mayfly.claim c on c.account_id = a.id join mayfly.person p on p.id = c.person_id
       where a.id = ${account.uuid}`
    const issuer = people.idp.issuer
    expect(row).toEqual({ state: 'c', generation: 2, forever: true, claim_hash: null, subject: 'claimer', issuer })
    expect((await come(account)).body.error).toBe('access_denied')
    expect(codeOf(await look(account))).toEqual([409, 'already_claimed'])
    expect(await events('account.claimed', account)).toEqual([
      expect.objectContaining({ actor_person: expect.stringMatching(/^psn_/), readmitted: false, narrowed: false }),
    ])
  })

  test('lets the agent back in when the claimer says so, under what the claimer kept and nothing more', async () => {
    const account = await open()
    const kept = await claim(account, { readmit: true, keep: { scopes: [], authorization_details: details } })
    expect([kept.status, kept.body.account.scopes, kept.body.account.permissions.length]).toEqual([200, [], 1])
    expect((await come(account)).body.error).toBe('invalid_scope')
    const back = await come(account, { scope: undefined, authorization_details: JSON.stringify(details) } as never)
    expect(back.status).toBe(200)
    expect(back.body).toMatchObject({ account_id: account.id })
    const [, payload] = back.body.access_token.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ gen: 2, task_id: account.taskId })
    expect(await events('account.claimed', account)).toMatchObject([{ readmitted: true, narrowed: true }])
  })

  test('whose answer was lost is told again to its owner, and to nobody else', async () => {
    const account = await open()
    const deps = claimDepsOf(broker.running)
    const lost = {
      ...deps,
      transition: async (changes: Parameters<typeof deps.transition>[0]) => {
        await deps.transition(changes)
        throw new Error('gone')
      },
    }
    const snapshot = await broker.running.broker.deps.directory.find(parseId('tenant', broker.running.ids.tenant)!)
    const secret = claimer.jar.get(broker.running.issuer)!.get('__Host-mayfly')!
    const session = await createSessionFinder(broker.running.broker.deps.database.db)(secret)
    const given = { secret: account.secret, code: await code(account), readmit: false }
    await expect(confirmClaim(lost, snapshot!, session!, given, Date.now())).rejects.toMatchObject({
      code: 'log_unavailable',
    })
    expect((await claimer.api('GET', `/accounts/${account.id}`)).status).toBe(200)
    expect((await confirm(account, { code: given.code })).body.account).toMatchObject({ id: account.id, state: 'claimed' })
    expect(await events('account.claimed', account)).toHaveLength(1)
    await setClaimableBy(broker.running, { providers: [people.provider] })
    const other = people.visit()
    await other.signIn('somebody-else')
    expect(codeOf(await confirm(account, { code: given.code }, other))).toEqual([409, 'already_claimed'])
    await setClaimableBy(broker.running, { providers: [people.provider], groups: ['mayfly-claimers'] })
  })

  test.each([
    ['more than there is', { keep: { scopes: ['orders:write'] } }],
    ['nothing', { keep: {} }],
  ])('cannot keep %s', async (_what, given) => {
    const account = await open()
    expect(codeOf(await claim(account, given))).toEqual([400, 'validation_failed'])
    expect((await come(account)).status).toBe(200)
  })

  test('of an account that was opened ahead offers no way back: what its holder was given ended with the claim', async () => {
    const opened = await broker.running.v1('POST', '/v1/accounts', {
      agent: broker.running.ids.agent,
      ttl: 600,
      task_id: 'ahead',
    })
    expect(opened.status).toBe(201)
    const secret = new URL(opened.body.claim_uri).hash.slice(1)
    const account = {
      id: opened.body.account_id,
      uuid: parseId('account', opened.body.account_id)!,
      taskId: 'ahead',
      secret,
      token: '',
    }
    expect((await look(account)).body).toMatchObject({
      readmission: { offered: false },
      account: { origin_address: '127.0.0.1' },
    })
    expect((await claim(account, { readmit: true })).body.account).toMatchObject({
      readmitted: false,
      readmission: { offered: false },
    })
    expect((await claimer.api('POST', `/accounts/${account.id}/readmit`, { readmit: true })).status).toBe(409)
  })

  test('takes the code that the agent asked for by a token for its own account, and for nobody else’s', async () => {
    const account = await open()
    const { issuer, config, certificate } = broker.running
    const own = await come(account, { resource: issuer, scope: 'account' })
    expect(own.status).toBe(200)
    const ask = (token: string) =>
      broker.https.send(`${config.mtlsUrl}/account/claim-code`, {
        method: 'POST',
        certificate,
        headers: { authorization: `Bearer ${token}` },
      })
    const shown = await ask(own.body.access_token)
    expect([shown.status, shown.body]).toEqual([
      201,
      { code: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/), expires_in: expect.any(Number) },
    ])
    expect(shown.body.expires_in).toBeGreaterThan(590)
    expect((await ask(account.token)).status).toBe(401)
    expect((await confirm(await open(), { code: shown.body.code })).body.code).toBe('wrong_code')
    expect((await confirm(account, { code: shown.body.code })).status).toBe(200)
    expect((await ask(own.body.access_token)).status).toBe(401)
  })

  test('takes the code as people type it', async () => {
    const account = await open()
    const typed = (await code(account)).toLowerCase().replace('-', ' – ')
    expect((await confirm(account, { code: typed })).status).toBe(200)
  })

  test('counts wrong codes: after five none is compared, and a new code begins anew', async () => {
    const account = await open()
    const right = await code(account)
    for (const left of [4, 3, 2, 1, 0]) {
      const reply = await confirm(account, { code: 'BBBB-BBBB' })
      expect([...codeOf(reply), reply.body.attempts_left]).toEqual([400, 'wrong_code', left])
    }
    expect(codeOf(await confirm(account, { code: right }))).toEqual([429, 'too_many_codes'])
    expect(await events('account.claim_code_refused', account)).toHaveLength(5)
    expect((await come(account)).status).toBe(200)
    expect((await claim(account)).status).toBe(200)
  })

  test('needs a code that is good now', async () => {
    const account = await open()
    const none = await confirm(account, { code: 'BCDF-GHJK' })
    expect([...codeOf(none), none.body.attempts_left]).toEqual([400, 'wrong_code', 0])
    const late = await code(account)
    await broker.database.admin`update mayfly.claim_code set expires_at = clock_timestamp() where account_id = ${account.uuid}`
    expect(codeOf(await confirm(account, { code: late }))).toEqual([400, 'wrong_code'])
    const replaced = await code(account)
    const fresh = await code(account)
    expect(codeOf(await confirm(account, { code: replaced }))).toEqual([400, 'wrong_code'])
    expect((await confirm(account, { code: fresh })).status).toBe(200)
  })

  test('can be refused: the link dies, the account goes on', async () => {
    const account = await open()
    expect((await claimer.api('POST', '/claims/refuse', { secret: account.secret })).status).toBe(204)
    expect(codeOf(await look(account))).toEqual([410, 'claim_expired'])
    await expect(code(account)).rejects.toMatchObject({ code: 'conflict' })
    expect((await come(account)).status).toBe(200)
    expect(await events('account.claim_refused', account)).toHaveLength(1)
  })
})

describe('an owner', () => {
  const own = (path: string, body?: object, visitor = claimer) => visitor.api(body ? 'POST' : 'GET', `/accounts${path}`, body)

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
      expect(codeOf(await own(`/${account.id}/review`, { review_on: wrong })), wrong).toEqual([400, 'validation_failed'])
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
    await broker.database.admin`update mayfly.claim set review_on = current_date - 2 where account_id = ${overdue.uuid}`
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
    await setClaimableBy(broker.running, { providers: [people.provider], groups: ['mayfly-claimers'] })
  })
})
