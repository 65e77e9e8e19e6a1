// Row 37: junk without valid credentials, far more than is ever honest, from the address that honest callers have too.

import { expect, test, vi } from 'vitest'
import { goodClaims, signHmac } from '#test/setup/forged-jwt.ts'
import { countAccounts, logSize, readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const junk = 3000

test('37: honest callers are served throughout, and the log grows by counters only', async () => {
  const { running, database } = broker
  const known = running.form({ task_id: undefined, subject_token: running.mint({ sub: 'bearer-workload', runId: 'known' }) })
  expect((await running.token(known)).status).toBe(200)
  const accounts = await countAccounts(database.admin)
  const from = await logSize(database.admin)
  const started = performance.now()

  const answered = new Map<number, number>()
  let sent = 0
  const flood = async () => {
    while (sent < junk) {
      const i = sent++
      const subject_token =
        i % 3
          ? `${running.mint({ runId: `junk-${i}` }).slice(0, -8)}AAAAAAAA`
          : signHmac('x', goodClaims(running), { alg: 'HS256' })
      const { status } = await running.token(running.form({ subject_token, task_id: `junk-${i}` }), undefined, {
        'x-forwarded-for': `10.${i >> 8}.${i & 255}.1`,
      })
      answered.set(status, (answered.get(status) ?? 0) + 1)
    }
  }
  const flooding = Promise.all(Array.from({ length: 40 }, flood))
  let ended = false
  void flooding.then(() => {
    ended = true
  })

  const latencies: number[] = []
  let honest = 0
  for (let i = 0; !ended; i++) {
    const before = performance.now()
    // A certificate that proves an agent, each time with a new workload token, and a workload token that is known.
    const fresh = await running.token(
      running.form({ subject_token: running.mint({ runId: `honest-${i % 5}` }) }),
      running.certificate,
    )
    const again = await running.token(known)
    expect([fresh.status, again.status]).toEqual([200, 200])
    latencies.push((performance.now() - before) / 2)
    honest += 2
  }
  await flooding

  expect(honest).toBeGreaterThan(20)
  expect(latencies.sort((a, b) => a - b)[Math.floor(latencies.length / 2)]).toBeLessThan(250)
  // The first few hundred are looked at; then the address has used up its failures, whatever X-Forwarded-For says.
  expect([...answered.keys()].sort()).toEqual([400, 429])
  expect(answered.get(429)).toBeGreaterThan(junk / 2)

  const seconds = (performance.now() - started) / 1000
  const counted = await vi.waitFor(
    async () => {
      const rejected = (await readLog(database.admin, from)).filter(entry => entry.leaf.type === 'requests.rejected')
      const total = rejected
        .flatMap(entry => Object.values(entry.body.reasons as Record<string, number>))
        .reduce((a, b) => a + b, 0)
      expect(total).toBeGreaterThanOrEqual(answered.get(400)!)
      return rejected
    },
    { timeout: 5_000 },
  )
  expect(counted.length).toBeLessThanOrEqual(Math.ceil(seconds) + 2)
  const types = Map.groupBy(await readLog(database.admin, from), entry => entry.leaf.type)
  expect([...types.keys()].sort()).toEqual(['account.opened', 'requests.rejected', 'token.issued'])
  expect(types.get('token.issued')).toHaveLength(honest)
  expect(await countAccounts(database.admin)).toBe(accounts + 5)
  expect(JSON.stringify(counted)).not.toContain('junk-')
}, 60_000)

test('37: who has used up its failures is told when to come back, and is served then', async () => {
  const { running } = broker
  const form = () => running.form({ subject_token: running.mint({ sub: 'bearer-workload', runId: 'later' }) })
  const answers = await Promise.all(Array.from({ length: 400 }, () => running.token(running.form({ subject_token: 'junk' }))))
  const refused = answers.find(answer => answer.status === 429)!
  expect(refused.body.error).toBe('temporarily_unavailable')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  await vi.waitFor(async () => expect((await running.token(form())).status).toBe(200), { timeout: 5_000, interval: 200 })
})
