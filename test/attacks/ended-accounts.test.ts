// Attack row 18: what has ended is used as if it lived on. No worker runs here: nothing is collected, no child has been told, the
// broker remembers the account as it was. Each way of ending is tried with all that was handed out before.

import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { parseId } from '#core/ids/id.ts'
import { sweepAccounts } from '#core/reaper/sweep.ts'
import { transitionAccounts } from '#db/accounts/transition.ts'
import { event } from '#test/db/log/requests.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { useConsole, type Visitor } from '#test/setup/console.ts'
import { countAccounts } from '#test/setup/log-reader.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { sweepDepsOf } from '#test/setup/sweeping.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
const ahead = useAccountsAhead(broker)
let root: Workload
let sub: Workload
let ask: Exchanges
let claimer: Visitor
beforeAll(async () => {
  const { running } = broker
  ask = exchangesOf(running)
  root = await registerWorkload(running, 'root', { settings: { claimable_by: { groups: ['mayfly-claimers'] } } })
  sub = await registerWorkload(running, 'sub')
  claimer = people.visit()
  await claimer.signIn('claimer')
})

/** An account with everything that can be handed out for it. */
interface Handed {
  readonly id: string
  readonly uuid: string
  readonly taskId: string
  readonly claimSecret: string
  /** For a resource. */
  readonly taskToken: string
  /** For its own verbs. */
  readonly ownToken: string
  readonly delegationToken: string
  readonly child: { readonly id: string; readonly taskToken: string; readonly ownToken: string }
}

async function handOut(): Promise<Handed> {
  const taskId = `task-${randomUUID()}`
  const opened = await ask.own(root, { task_id: taskId })
  const { account_id: id, claim_uri } = opened.body
  const delegationToken = tokenOf(await ask.delegate(root, sub, { account_id: id, scope: 'orders:read' }))
  const child = await ask.openChild(sub, delegationToken, { task_id: `child-of-${taskId}` })
  const childId = child.body.account_id
  return {
    id,
    uuid: parseId('account', id)!,
    taskId,
    claimSecret: new URL(claim_uri).hash.slice(1),
    taskToken: tokenOf(opened),
    ownToken: tokenOf(await ask.accountToken(root, { account_id: id })),
    delegationToken,
    child: {
      id: childId,
      taskToken: tokenOf(child),
      ownToken: tokenOf(await ask.accountToken(sub, { account_id: childId })),
    },
  }
}

const change = async ({ uuid }: Handed, transition: string): Promise<void> => {
  const claim = transition === 'claim' ? { personId: randomUUID(), readmitted: false, reviewOn: null } : undefined
  const tenantId = parseId('tenant', broker.running.ids.tenant)!
  const { sql } = broker.database.database
  const [answer] = await transitionAccounts(sql, [
    { accountId: uuid, tenantId, transition, generation: null, claim, event: event() },
  ])
  expect(answer!.outcome).toBe('done')
}
const own = (method: string, path: string, token: string, who: Workload, body?: object) =>
  broker.https.send(`${broker.running.config.mtlsUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    certificate: who.certificate,
  })

const ways: Record<string, (account: Handed) => Promise<unknown>> = {
  'past its deadline': ({ uuid }) =>
    broker.database.admin`update mayfly.account set deadline = clock_timestamp() - interval '1 millisecond' where id = ${uuid}`,
  'past its deadline, and marked as expired': async account => {
    await ways['past its deadline']!(account)
    await change(account, 'expire')
  },
  'completed by its agent': ({ ownToken }) => own('POST', '/account/complete', ownToken, root),
  'revoked by an operator': ({ id }) => broker.running.v1('POST', `/v1/accounts/${id}/revoke`),
  'claimed by somebody who kept the agent out': account => change(account, 'claim'),
  'claimed, then closed': async account => {
    await change(account, 'claim')
    await change(account, 'close')
  },
  'revoked, then collected': async account => {
    await change(account, 'revoke')
    await change({ ...account, uuid: parseId('account', account.child.id)! }, 'revoke')
    await sweepAccounts(sweepDepsOf(broker.database.database))
  },
}

describe.each(Object.entries(ways))('18: with the worker stopped, an account that is %s', (_, end) => {
  let account: Handed
  beforeAll(async () => {
    account = await handOut()
    expect((await ahead.introspect(account.taskToken)).body.active).toBe(true)
    expect((await own('GET', '/account', account.ownToken, root)).status).toBe(200)
    await end(account)
  })

  test('gets no token, by its task or by its id, nor does its child', async () => {
    const before = await countAccounts(broker.database.admin)
    for (const named of [{ task_id: account.taskId }, { account_id: account.id }]) {
      expect((await ask.own(root, named)).body.error).toBe('access_denied')
      expect((await ask.accountToken(root, named)).body.error).toBe('access_denied')
    }
    expect((await ask.own(sub, { account_id: account.child.id })).body.error).toBe('access_denied')
    expect(await countAccounts(broker.database.admin)).toBe(before)
  })

  test('introspects inactive, and so does its child', async () => {
    for (const token of [account.taskToken, account.child.taskToken])
      expect((await ahead.introspect(token)).body).toEqual({ active: false })
  })

  test('does nothing more of its own: no verb, no claim code, nothing attached', async () => {
    for (const [token, who] of [
      [account.ownToken, root],
      [account.child.ownToken, sub],
    ] as const) {
      expect((await own('GET', '/account', token, who)).status).toBe(401)
      for (const [path, body] of [
        ['/account/complete', undefined],
        ['/account/extend', { ttl: 60 }],
        ['/account/claim-code', undefined],
        ['/account/attachments', { connector: 'orders-db' }],
      ] as const)
        expect([path, (await own('POST', path, token, who, body)).status]).toEqual([path, 401])
    }
  })

  test('opens no child, however fresh the delegation', async () => {
    const answer = await ask.openChild(sub, account.delegationToken, { task_id: 'late-child' })
    expect([answer.status, ['access_denied', 'invalid_request'].includes(answer.body.error)]).toEqual([400, true])
    expect((await ask.delegate(root, sub, { account_id: account.id, scope: 'orders:read' })).body.error).toBe('access_denied')
  })

  test('is not claimed any more', async () => {
    const { status, body } = await claimer.api('POST', '/claims/look', { secret: account.claimSecret })
    expect([
      [410, 'claim_expired'],
      [409, 'already_claimed'],
    ]).toContainEqual([status, body.code])
  })

  test('is not prolonged by an operator', async () => {
    const { status } = await broker.running.v1('POST', `/v1/accounts/${account.id}/extend`, { ttl: 600 })
    expect(Math.floor(status / 100)).toBe(4)
  })
})

describe('18: what was registered and is no more', () => {
  test('an agent that was deleted gets no token in its live account, and its tokens introspect inactive', async () => {
    const gone = await registerWorkload(broker.running, `gone-${randomUUID()}`)
    const token = tokenOf(await ask.own(gone, { task_id: 'of-gone' }))
    expect((await ahead.introspect(token)).body.active).toBe(true)
    const { headers } = await broker.running.v1('GET', `/v1/agents/${gone.clientId}`)
    const deleted = await broker.https.send(`${broker.running.issuer}/v1/agents/${gone.clientId}`, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${broker.running.operatorToken}`,
        ...(headers['etag'] && { 'if-match': headers['etag'] }),
      },
    })
    expect(deleted.status, deleted.text).toBeLessThan(300)
    expect((await ask.own(gone, { task_id: 'of-gone' })).status).toBeGreaterThanOrEqual(400)
    expect((await ahead.introspect(token)).body).toEqual({ active: false })
  })

  test('the credential of an account opened ahead ends with it, though nobody used it before', async () => {
    const { account_id, account_credential } = (await ahead.open({ task_id: randomUUID() })).body
    await broker.database
      .admin`update mayfly.account set deadline = clock_timestamp() where id = ${parseId('account', account_id)!}`
    const certificate: IssuedCertificate = root.certificate
    const answer = await ahead.token(account_credential, certificate)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.body.access_token).toBeUndefined()
  })
})
