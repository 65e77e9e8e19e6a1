import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { Io } from '#apps/cli/io.ts'
import { projectLog } from '#db/audit/projection.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const erase = (words: readonly string[], changes: Partial<Io> = {}) =>
  person.mayfly(['audit', 'erase', ...words], { env: environmentOf(broker, person), ...changes })
const saying = (answer: string): Partial<Io> => ({
  terminal: { in: true, out: false, err: true },
  ask: async () => answer,
})

beforeAll(async () => {
  const { ids } = broker.running
  await changeRegistration(broker.running, `/v1/agents/${ids.bearerAgent}`, own => ({
    rules: [...own.rules, { trust_source: ids.openid, claims: { sub: 'repo:acme/*' } }],
  }))
})

/** A subject with an account that lives. */
async function working(name: string) {
  const { running } = broker
  const subject = `repo:acme/${name}`
  const form = running.form({ subject_token: running.mint({ sub: subject, runId: name }), task_id: `task-${name}` })
  // A broker that is busy, or has not yet heard of the changed rules, is asked again.
  const account = await vi.waitFor(async () => {
    const { status, body } = await running.token(form)
    expect(status, JSON.stringify(body)).toBe(200)
    return String((body as { account_id: string }).account_id)
  }, 20_000)
  await projectLog(broker.database.database.db)
  return { account, who: ['--issuer', running.idp.issuer, '--subject', subject] }
}
const stateOf = async (account: string): Promise<string> => (await broker.running.v1('GET', `/v1/accounts/${account}`)).body.state
const erasures = async (): Promise<number> => (await broker.running.v1('GET', '/v1/erasures')).body.items.length

describe('mayfly audit erase', () => {
  test('says before it asks what lives on and how to end it; a no changes nothing', async () => {
    const { account, who } = await working('asked')
    const ran = await erase(who, saying('n'))
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('1 key of the log')
    expect(ran.err).toContain('1 account that it opened lives on, and an erasure ends none')
    expect(ran.err).toContain(`mayfly revoke --account ${account} --yes`)
    expect(await erasures()).toBe(0)
  })

  test('ends no account by itself, and says so afterwards too', async () => {
    const { account, who } = await working('goes-on')
    const ran = await erase([...who, '--yes'])
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toContain(`mayfly revoke --account ${account} --yes`)
    expect(ran.out).toContain(account)
    expect(await stateOf(account)).toBe('active')
  })

  test('ends them first where it is told to', async () => {
    const { account, who } = await working('ends')
    const ran = await erase([...who, '--end-accounts', '--yes', '--json'])
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toContain('1 account is revoked')
    expect(await stateOf(account)).toBe('revoked')
    expect(ran.json()).toMatchObject({ keys: 1, living_accounts: [] })
  })

  test('shows where a common word stands before it is taken for a name', async () => {
    const [webhook] = await broker.database.admin<{ id: string }[]>`
      insert into mayfly.webhook (id, tenant_id, name, config, secret_sealed, kek_id)
        select gen_random_uuid(), id, 'w', '{}', 'x', 'k' from mayfly.tenant limit 1 returning id`
    await broker.database.admin`
      insert into mayfly.webhook_message (id, tenant_id, webhook_id, event, type, body)
        select gen_random_uuid(), tenant_id, id, n::text, 'x', '{"state":"active"}' from mayfly.webhook, generate_series(1, 120) n where id = ${webhook!.id}`
    const before = await erasures()
    const ran = await erase(['--name', 'active'], saying('no'))
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('messages that wait: 120 deleted as a whole')
    expect(ran.err).toContain('the name “active” stands in 120 rows: is it a common word?')
    const [kept] = await broker.database.admin`select count(*)::int as n from mayfly.webhook_message`
    expect([kept!['n'], await erasures()]).toEqual([120, before])
  })

  test.each([
    [['--name', 'ab'], 'three'],
    [['--name', ' a '], 'three'],
    [[], 'Who is to be forgotten?'],
  ])('refuses %j', async (words, why) => {
    const ran = await erase([...words, '--yes'])
    expect(ran.code).toBeGreaterThan(0)
    expect(ran.err).toMatch(new RegExp(why === 'three' ? 'three characters|3 characters|names' : why.replace('?', '\\?')))
  })
})
