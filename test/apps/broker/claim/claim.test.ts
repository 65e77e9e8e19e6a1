import { describe, expect, test } from 'vitest'
import { confirmClaim } from '#core/claim/confirm.ts'
import { parseId } from '#core/ids/id.ts'
import { createSessionFinder } from '#core/operators/sign-in/console-session.ts'
import { claimDepsOf, claimersOnly, refusalOf, setClaimableBy, useClaims } from '#test/setup/claims.ts'
import { useConsole } from '#test/setup/console.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
const claims = useClaims(broker, people)
const { open, code, look, confirm, claim, come, events } = claims
const details = [{ type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/{id}' }]

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
    expect(refusalOf(await look(account, people.visit()))).toEqual([401, 'sign_in_needed'])
    const other = people.visit()
    await other.signIn('somebody-else')
    expect(refusalOf(await look(account, other))).toEqual([403, 'not_claimable_by_you'])
    expect(refusalOf(await confirm(account, { code: await code(account) }, other))).toEqual([403, 'not_claimable_by_you'])
    expect(refusalOf(await other.api('POST', '/claims/refuse', { secret: account.secret }))).toEqual([
      403,
      'not_claimable_by_you',
    ])
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
    expect(refusalOf(await look(account))).toEqual([409, 'already_claimed'])
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
    const secret = claims.claimer.jar.get(broker.running.issuer)!.get('__Host-mayfly')!
    const session = await createSessionFinder(broker.running.broker.deps.database.db)(secret)
    const given = { secret: account.secret, code: await code(account), readmit: false }
    await expect(confirmClaim(lost, { snapshot: snapshot!, session: session! }, given, Date.now())).rejects.toMatchObject({
      code: 'log_unavailable',
    })
    expect((await claims.claimer.api('GET', `/accounts/${account.id}`)).status).toBe(200)
    expect((await confirm(account, { code: given.code })).body.account).toMatchObject({ id: account.id, state: 'claimed' })
    expect(await events('account.claimed', account)).toHaveLength(1)
    await setClaimableBy(broker.running, { providers: [people.provider] })
    const other = people.visit()
    await other.signIn('somebody-else')
    expect(refusalOf(await confirm(account, { code: given.code }, other))).toEqual([409, 'already_claimed'])
    await setClaimableBy(broker.running, claimersOnly(people.provider))
  })

  test.each([
    ['more than there is', { keep: { scopes: ['orders:write'] } }],
    ['nothing', { keep: {} }],
  ])('cannot keep %s', async (_what, given) => {
    const account = await open()
    expect(refusalOf(await claim(account, given))).toEqual([400, 'validation_failed'])
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
    expect((await claims.claimer.api('POST', `/accounts/${account.id}/readmit`, { readmit: true })).status).toBe(409)
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
      expect([...refusalOf(reply), reply.body.attempts_left]).toEqual([400, 'wrong_code', left])
    }
    expect(refusalOf(await confirm(account, { code: right }))).toEqual([429, 'too_many_codes'])
    expect(await events('account.claim_code_refused', account)).toHaveLength(5)
    expect((await come(account)).status).toBe(200)
    expect((await claim(account)).status).toBe(200)
  })

  test('needs a code that is good now', async () => {
    const account = await open()
    const none = await confirm(account, { code: 'BCDF-GHJK' })
    expect([...refusalOf(none), none.body.attempts_left]).toEqual([400, 'wrong_code', 0])
    const late = await code(account)
    await broker.database.admin`update mayfly.claim_code set expires_at = clock_timestamp() where account_id = ${account.uuid}`
    expect(refusalOf(await confirm(account, { code: late }))).toEqual([400, 'wrong_code'])
    const replaced = await code(account)
    const fresh = await code(account)
    expect(refusalOf(await confirm(account, { code: replaced }))).toEqual([400, 'wrong_code'])
    expect((await confirm(account, { code: fresh })).status).toBe(200)
  })

  test('can be refused: the link dies, the account goes on', async () => {
    const account = await open()
    expect((await claims.claimer.api('POST', '/claims/refuse', { secret: account.secret })).status).toBe(204)
    expect(refusalOf(await look(account))).toEqual([410, 'claim_expired'])
    await expect(code(account)).rejects.toMatchObject({ code: 'conflict' })
    expect((await come(account)).status).toBe(200)
    expect(await events('account.claim_refused', account)).toHaveLength(1)
  })
})
