// Row 20: denial of wallet. Strangers are let in where a tenant says so, for work, to a tiny account, and not many of them.

import { beforeAll, describe, expect, test } from 'vitest'
import { leastBits } from '#core/anonymous/challenges.ts'
import type { Limits } from '#core/quota/limits.ts'
import { countAccounts, logSize, readLog } from '#test/setup/log-reader.ts'
import { type Answer, onceResourceUri } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { type Challenge, newStranger, type Stranger, solvedForm } from '#test/setup/stranger.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const use = useBroker()
let strangers: string

const anonymous = () => `/v1/tenants/${use.running.ids.tenant}/anonymous`
const post = (path: string): Promise<Answer> => use.https.send(`${use.running.issuer}${path}`, { method: 'POST' })
const challenge = async (): Promise<Challenge> => (await post('/anonymous/challenge')).body
const ask = (stranger: Stranger, form: Record<string, string>): Promise<Answer> => use.running.token(form, stranger.certificate)
const setLimits = async (limits: Partial<Limits>) => {
  const answer = await use.running.v1(
    'PUT',
    `/v1/tenants/${use.running.ids.tenant}/limits`,
    { limits },
    use.running.platformToken,
  )
  expect(answer.status, answer.text).toBe(200)
  await use.database.admin`delete from mayfly.quota`
}

async function registerStrangers(more: object = {}): Promise<string> {
  const { body } = await use.running.v1('POST', '/v1/agents', {
    name: `strangers ${Math.random()}`,
    owner: 'front desk',
    review_on: '2099-01-31',
    rules: [],
    ceiling: { scope: 'orders:read' },
    settings: { account_ttl_seconds: 86_400, max_depth: 4 },
    ...more,
  })
  return body.id
}

beforeAll(async () => {
  strangers = await registerStrangers()
})

describe('20: a tenant', () => {
  test('takes no strangers until a platform-admin says so', async () => {
    expect((await post('/anonymous/challenge')).status).toBe(404)
    const stranger = await newStranger(use.running)
    expect((await ask(stranger, solvedForm(stranger, { challenge: 'A'.repeat(43), difficulty: 0 }))).body.error).toBe(
      'invalid_grant',
    )
    const put = (token: string | undefined, agent: string) => use.running.v1('PUT', anonymous(), { agent }, token)
    expect((await put(undefined, strangers)).status).toBe(403)
    expect((await put(use.running.platformToken, use.running.ids.agent)).status).toBe(400)
    const wide = await registerStrangers({ ceiling: { scope: Array.from({ length: 9 }, (_, i) => `s${i}`).join(' ') } })
    expect((await put(use.running.platformToken, wide)).status).toBe(400)
    expect((await put(use.running.platformToken, strangers)).status).toBe(200)
    expect((await post('/anonymous/challenge')).status).toBe(200)
  })

  test('is the only one in the deployment', async () => {
    const other = await createOtherTenant(use.running, 'other')
    const agent = await other.register('/v1/agents', {
      name: 'strangers',
      owner: 'x',
      review_on: '2099-01-31',
      rules: [],
      ceiling: { scope: 'a' },
    })
    const answer = await use.running.v1('PUT', `/v1/tenants/${other.id}/anonymous`, { agent }, use.running.platformToken)
    expect(answer.status).toBe(409)
    expect((await post('/t/other/anonymous/challenge')).status).toBe(404)
  })
})

describe('20: a stranger', () => {
  test('gets a tiny account for work and a key, and renews in it by the key alone', async () => {
    const stranger = await newStranger(use.running)
    const first = await ask(stranger, solvedForm(stranger, await challenge()))
    expect(first.status, first.text).toBe(200)
    const { account_id, account_expires_in, claim_uri, scope } = first.body
    expect([scope, claim_uri]).toEqual(['orders:read', expect.stringContaining('/claim#')])
    expect(account_expires_in).toBeLessThanOrEqual(3_600)
    const form = { grant_type: 'client_credentials', resource: 'https://orders.example/api', scope: 'orders:read', account_id }
    expect((await ask(stranger, form)).body).toMatchObject({ account_id })
    const thief = await newStranger(use.running)
    expect((await ask(thief, form)).status).toBe(400)
  })

  test('gets nothing without work, and fills no log', async () => {
    const from = await logSize(use.database.admin)
    const before = await countAccounts(use.database.admin)
    for (let i = 0; i < 10; i++) {
      const stranger = await newStranger(use.running)
      const form = { grant_type: 'client_credentials', resource: 'https://orders.example/api', scope: 'orders:read' }
      expect((await ask(stranger, { ...form, task_id: `t${i}` })).status).toBe(401)
      expect((await ask(stranger, { ...form, account_id: `acct_${'0'.repeat(32)}` })).status).toBe(400)
    }
    expect(await countAccounts(use.database.admin)).toBe(before)
    const types = (await readLog(use.database.admin, from)).map(({ leaf }) => leaf.type)
    expect(types.filter(type => type !== 'requests.rejected')).toEqual([])
  })

  test('cannot use work twice, nor for another request, another key or another address', async () => {
    const [stranger, thief] = [await newStranger(use.running), await newStranger(use.running)]
    const work = await challenge()
    const form = solvedForm(stranger, work, { task_id: 'once' })
    const error = async (who: Stranger, changes: Record<string, string>) => (await ask(who, { ...form, ...changes })).body.error
    expect(await error(thief, {})).toBe('invalid_grant')
    expect(await error(stranger, { task_id: 'twice' })).toBe('invalid_grant')
    expect(await error(stranger, { resource: onceResourceUri })).toBe('invalid_grant')
    expect(await error(stranger, { pow_challenge: `${'A'.repeat(42)}A` })).toBe('invalid_grant')
    expect(await error(stranger, { pow_solution: `${form['pow_solution']}x` })).toBe('invalid_grant')
    const both = await Promise.all(Array.from({ length: 20 }, () => ask(stranger, form)))
    expect(both.filter(({ status }) => status === 200).length).toBe(1)
    expect((await ask(stranger, { ...form, task_id: 'once' })).body.error).toBe('invalid_grant')
  })

  test('opens no child account, and nothing is attached to its own', async () => {
    await setLimits({ anonymous_address_opens_per_minute: 20 })
    const stranger = await newStranger(use.running)
    const { body } = await ask(stranger, solvedForm(stranger, await challenge(), { task_id: 'parent' }))
    const delegation = await ask(stranger, {
      grant_type: 'client_credentials',
      resource: use.running.issuer,
      account_id: body.account_id,
      may_act: use.running.ids.agent,
      scope: 'orders:read',
    })
    expect(delegation.status).toBe(400)
    const attached = await use.running.v1('POST', `/v1/accounts/${body.account_id}/attachments`, {
      connector: `con_${'0'.repeat(32)}`,
    })
    expect([attached.status, attached.body.detail]).toEqual([403, 'Nothing is attached to accounts of strangers.'])
    expect((await use.running.v1('GET', `/v1/agents/${strangers}`)).body.settings.max_depth).toBe(4)
  })

  test('is one of few: budgets of the address and of the tenant, and room for so many', async () => {
    const open = async (task_id: string): Promise<Answer> => {
      const stranger = await newStranger(use.running)
      return ask(stranger, solvedForm(stranger, await challenge(), { task_id }))
    }
    await setLimits({ anonymous_address_opens_per_minute: 1 })
    expect((await open('a1')).status).toBe(200)
    const second = await open('a2')
    expect([second.status, second.headers['ratelimit-policy']]).toEqual([429, '"anonymous_address_opens_per_minute";q=1;w=60'])
    await setLimits({ anonymous_opens_per_minute: 0 })
    expect((await open('a3')).status).toBe(429)
    await setLimits({ anonymous_live_accounts: 0 })
    expect((await open('a4')).status).toBe(429)
    await setLimits({})
  })

  test('uses up what is for all strangers from no single address', async () => {
    await setLimits({ anonymous_address_tokens_per_minute: 3 })
    const stranger = await newStranger(use.running)
    const { body } = await ask(stranger, solvedForm(stranger, await challenge(), { task_id: 'greedy' }))
    const { account_id } = body
    const form = { grant_type: 'client_credentials', resource: 'https://orders.example/api', scope: 'orders:read', account_id }
    const answers: Answer[] = []
    for (let i = 0; i < 10; i++) answers.push(await ask(stranger, form))
    // Twice as many where a minute ends meanwhile.
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(5)
    expect(answers.find(({ status }) => status === 429)?.headers['ratelimit-policy']).toBe(
      '"anonymous_address_tokens_per_minute";q=3;w=60',
    )
    await setLimits({})
  })

  test('works the harder the more of them come', async () => {
    const before = (await challenge()).difficulty
    for (let i = 0; i < 60; i++) await challenge()
    expect((await challenge()).difficulty).toBeGreaterThan(before)
    expect(before).toBeGreaterThanOrEqual(leastBits)
  })

  test('is nobody again once the tenant takes strangers no more', async () => {
    expect((await use.running.v1('DELETE', anonymous())).status).toBe(204)
    expect((await post('/anonymous/challenge')).status).toBe(404)
    const stranger = await newStranger(use.running)
    expect((await ask(stranger, solvedForm(stranger, { challenge: 'A'.repeat(43), difficulty: 0 }))).status).toBe(400)
  })
})
