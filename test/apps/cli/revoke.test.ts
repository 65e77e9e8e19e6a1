import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newId, parseId } from '#core/ids/id.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()
const { introspect } = useAccountsAhead(broker)
const mayfly = (...words: string[]) => person.mayfly(words, { env: environmentOf(broker, person) })
const issued = async (): Promise<string> => {
  const { running } = broker
  const answer = await running.token(running.form({ task_id: randomUUID() }), running.certificate)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.access_token
}

describe('mayfly revoke', () => {
  test('takes a token from a file, and not from the command line', async () => {
    const token = await issued()
    const file = person.file('leaked.jwt', `${token}\n`)
    const { code, out, err } = await mayfly('revoke', '--token', file, '--reason', 'leaked', '--yes')
    expect([code, err]).toEqual([0, expect.stringContaining('mayfly revocations show rev_')])
    expect(out).toContain('kind: token')
    expect((await introspect(token)).body.active).toBe(false)
    const explained = await mayfly('explain', '-f', file)
    expect(explained.out).toMatch(/REVOKED +\S+ \S+Z, the token itself \(rev_/)
    expect((await mayfly('explain', '-f', person.file('good.jwt', await issued()))).out).not.toContain('REVOKED')
    expect((await mayfly('revocations', 'list', '--kind', 'token')).out).toContain('token')
  })

  test('finds an agent by its name, and one of its tasks', async () => {
    const { running } = broker
    const task_id = randomUUID()
    const opened = await running.token(running.form({ task_id }), running.certificate)
    const revoked = await mayfly('revoke', '--agent', 'agent', '--task', task_id, '--yes', '--json')
    expect(JSON.parse(revoked.out)).toMatchObject({ kind: 'account', subject: opened.body.account_id })
    const agent = await mayfly('revoke', '--agent', 'bearer-agent', '--yes', '--json')
    expect(JSON.parse(agent.out)).toMatchObject({ kind: 'agent', subject: running.ids.bearerAgent })
    expect(agent.err).toContain('mayfly agents reinstate bearer-agent')
    expect((await mayfly('agents', 'get', 'bearer-agent')).out).toContain('suspended_at:')
    expect((await mayfly('agents', 'reinstate', 'bearer-agent', '--yes')).out).toContain('suspended: false')
  })

  test('waits until every guard has acknowledged, and says how long it took', async () => {
    const none = await mayfly('revoke', '--token-id', newId('token'), '--yes', '--wait')
    expect([none.code, none.err]).toEqual([0, expect.stringContaining('nobody had to be reached')])
    const { admin } = broker.database
    const tenant = parseId('tenant', broker.running.ids.tenant)!
    const resource = parseId('resource', broker.running.ids.resource)!
    const guard = randomUUID()
    await admin`insert into mayfly.feed_receiver (tenant_id, id, resource_id, name, shard, epoch, first_seen_at, seen_at)
      select ${tenant}, ${guard}, ${resource}, 'orders-1', f.shard, f.epoch, clock_timestamp(), clock_timestamp()
        from mayfly.feed f where f.tenant_id = ${tenant}`
    const subject = newId('token')
    const waiting = mayfly('revoke', '--token-id', subject, '--yes', '--wait', '--json')
    for (const giveUpAt = Date.now() + 10_000; Date.now() < giveUpAt; ) {
      const acknowledged = await admin`insert into mayfly.feed_acknowledgement (tenant_id, receiver_id, epoch, at)
        select r.tenant_id, ${guard}, r.epoch, r.at + interval '38 ms' from mayfly.revocation r where r.subject = ${subject}`
      if (acknowledged.count > 0) break
    }
    const { code, out, err } = await waiting
    expect([code, err]).toEqual([0, expect.stringContaining('reached 1 of 1 guard in 38 ms')])
    expect(JSON.parse(out).receivers.acknowledged).toMatchObject([{ name: 'orders-1', instance: guard, ms: 38 }])
  })

  test('asks for one thing, and first', async () => {
    for (const words of [[], ['--token-id', newId('token'), '--everything'], ['--task', 'x', '--token-id', newId('token')]])
      expect((await mayfly('revoke', ...words, '--yes')).code).not.toBe(0)
    expect((await mayfly('revoke', '--task', 'x', '--yes')).err).toContain('--agent AGENT --task ID')
    const unasked = await mayfly('revoke', '--everything')
    expect([unasked.code, unasked.err]).toEqual([expect.any(Number), expect.stringContaining('Add --yes')])
    expect(unasked.code).not.toBe(0)
  })
})
