import { describe, expect, test } from 'vitest'
import { type Account, taskKey } from '#core/account/account.ts'
import { AccountStore } from '#core/account/account-store.ts'
import type { ExchangeRequest } from '#core/exchange/exchange-request.ts'
import { resolveAccount } from '#core/exchange/resolve-account.ts'
import { formatId } from '#core/ids/id.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import { makeAgent } from '../subject/snapshot.ts'

const nowSeconds = 1_795_305_600
const agent = makeAgent([])
const subject = { agent, opener: 'instance-1', derivedTaskId: undefined } as unknown as VerifiedSubject

const makeAccount = (change: Partial<Account> = {}): Account => ({
  id: '01900000-0000-7000-8000-0000000000ac',
  tenantId: 't',
  agentId: agent.id,
  taskKey: taskKey(agent.id, 'build-1'),
  taskId: 'build-1',
  state: 'a',
  generation: 1,
  deadlineSeconds: nowSeconds + 60,
  ceilingId: '1',
  opener: 'instance-1',
  openingKey: null,
  rootId: null,
  readmitted: false,
  ...change,
})

/** A database of these accounts; what is asked of it is counted. */
function store(...rows: Account[]) {
  const asked: string[] = []
  const accounts = new AccountStore(async (ids, keys) => {
    asked.push(...ids.map(({ name }) => name), ...keys.map(({ name }) => name))
    return rows.filter(row => ids.some(({ name }) => name === row.id) || keys.some(({ name }) => name === row.taskKey))
  })
  return { accounts, asked, rows }
}

const wireId = formatId('account', makeAccount().id)
const resolve = (accounts: AccountStore, request: Partial<ExchangeRequest>, who: Partial<VerifiedSubject> = {}) =>
  resolveAccount(accounts, { ...subject, ...who }, request as ExchangeRequest, {
    tenantId: 't',
    nowSeconds,
    mayAssumeNew: false,
  })

describe('by task', () => {
  test('a task that may be taken for a new one is not looked up; a remembered one is used, an ended one looked up again', async () => {
    const assume = (accounts: AccountStore) =>
      resolveAccount(accounts, subject, { taskId: 'build-1' } as ExchangeRequest, {
        tenantId: 't',
        nowSeconds,
        mayAssumeNew: true,
      })
    const { accounts, asked } = store(makeAccount())
    expect(await assume(accounts)).toMatchObject({ ok: true, kind: 'new' })
    expect(asked).toEqual([])
    accounts.remember(makeAccount())
    expect(await assume(accounts)).toMatchObject({ ok: true, kind: 'existing' })
    accounts.remember(makeAccount({ deadlineSeconds: nowSeconds }))
    expect(await assume(accounts)).toMatchObject({ ok: true, kind: 'existing' })
    expect(asked).toHaveLength(1)
  })

  test('an agent that may not open has its task looked up at once', async () => {
    const agent = { ...subject.agent, settings: { ...subject.agent.settings, may_open: false } }
    const { accounts } = store(makeAccount())
    const request = { taskId: 'build-1' } as ExchangeRequest
    const found = await resolveAccount(accounts, { ...subject, agent }, request, {
      tenantId: 't',
      nowSeconds,
      mayAssumeNew: true,
    })
    expect(found).toMatchObject({ ok: true, kind: 'existing' })
  })

  test('the account of the task is used again, without another look-up', async () => {
    const { accounts, asked } = store(makeAccount())
    expect(await resolve(accounts, { taskId: 'build-1' })).toMatchObject({ ok: true, kind: 'existing' })
    expect(await resolve(accounts, { taskId: 'build-1' })).toMatchObject({ ok: true, kind: 'existing' })
    expect(asked).toHaveLength(1)
  })

  test('a new task is a new account, also when it is derived from the run', async () => {
    expect(await resolve(store().accounts, { taskId: 'build-2' })).toMatchObject({ ok: true, kind: 'new', taskId: 'build-2' })
    expect(await resolve(store().accounts, {}, { derivedTaskId: 'run_1' })).toMatchObject({
      ok: true,
      kind: 'new',
      taskId: 'run_1',
    })
  })

  test('the same task of another agent is another account', async () => {
    const { accounts } = store(makeAccount())
    expect(await resolve(accounts, { taskId: 'build-1' }, { agent: makeAgent([]) })).toMatchObject({ ok: true, kind: 'new' })
  })
})

describe('what is refused', () => {
  test.each<
    [name: string, account: Partial<Account>, request: Partial<ExchangeRequest>, who: Partial<VerifiedSubject>, reason: string]
  >([
    ['neither task nor account', {}, {}, {}, 'no_task'],
    [
      'another instance’s account by its task (threats 36)',
      { opener: 'instance-2' },
      { taskId: 'build-1' },
      {},
      'not_the_opener',
    ],
    ['another instance’s account by its id', { opener: 'instance-2' }, { accountId: wireId }, {}, 'not_the_opener'],
    ['another agent’s account by its id', { agentId: 'other' }, { accountId: wireId }, {}, 'unknown_account'],
    [
      'an account that does not exist',
      { id: '01900000-0000-7000-8000-0000000000ff' },
      { accountId: wireId },
      {},
      'unknown_account',
    ],
    ['task and account that disagree', {}, { accountId: wireId, taskId: 'build-2' }, {}, 'task_mismatch'],
    ['an account past its deadline', { deadlineSeconds: nowSeconds }, { taskId: 'build-1' }, {}, 'account_ended'],
    ['a revoked account', { state: 'r' }, { taskId: 'build-1' }, {}, 'account_ended'],
    ['a completed account', { state: 'm' }, { accountId: wireId }, {}, 'account_ended'],
    ['a claimed account', { state: 'c' }, { taskId: 'build-1' }, {}, 'account_ended'],
    [
      'a new task of an agent that may not open',
      {},
      { taskId: 'new' },
      { agent: makeAgent([], { id: agent.id }, { may_open: false }) },
      'may_not_open',
    ],
  ])('%s', async (_, account, request, who, reason) => {
    expect(await resolve(store(makeAccount(account)).accounts, request, who)).toMatchObject({ ok: false, reason })
  })

  test('whether another agent’s account exists is not told', async () => {
    const there = await resolve(store(makeAccount({ agentId: 'other' })).accounts, { accountId: wireId })
    const nowhere = await resolve(store().accounts, { accountId: wireId })
    expect(there).toEqual(nowhere)
  })
})

describe('what is remembered', () => {
  test('is read again before an account is called over', async () => {
    const { accounts, rows } = store()
    accounts.remember(makeAccount({ deadlineSeconds: nowSeconds - 1 }))
    rows.push(makeAccount({ deadlineSeconds: nowSeconds + 600 }))
    expect(await resolve(accounts, { taskId: 'build-1' })).toMatchObject({
      ok: true,
      account: { deadlineSeconds: nowSeconds + 600 },
    })
  })

  test('is no answer when the database is gone and nothing is known', async () => {
    const accounts = new AccountStore(async () => Promise.reject(new Error('connection lost')))
    await expect(resolve(accounts, { taskId: 'build-1' })).rejects.toMatchObject({ code: 'log_unavailable' })
  })
})

test('a task key is one for each agent and task, and cannot be made to collide by shifting the border', () => {
  expect(taskKey('a', 'bc')).not.toBe(taskKey('ab', 'c'))
  expect(taskKey('a', 'b')).toBe(taskKey('a', 'b'))
  expect(taskKey('a', 'b')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})

test('the credential of an account that was claimed meanwhile is dead, also where its agent was let back in', async () => {
  const claimed = makeAccount({ state: 'c', readmitted: true, generation: 2, deadlineSeconds: Number.POSITIVE_INFINITY })
  const who = { account: { id: claimed.id, taskId: claimed.taskId } }
  const { accounts } = store(claimed)
  expect(await resolve(accounts, {}, who)).toMatchObject({ ok: false, code: 'account_not_live' })
  // Remembered by another request between the look at the credential and this one.
  accounts.remember(claimed)
  for (const request of [{}, { accountId: wireId }])
    expect(await resolve(accounts, request, who)).toMatchObject({ ok: false, code: 'account_not_live' })
  // Its agent itself was let back in.
  expect(await resolve(accounts, { accountId: wireId })).toMatchObject({ ok: true, kind: 'existing' })
})
