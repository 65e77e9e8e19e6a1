import fc from 'fast-check'
import { expect, test } from 'vitest'
import { longestTokenSeconds, nextStep, type RotationTimes, signingKeyDays, signingKeyTimes } from '#core/keys/rotation/times.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const times: RotationTimes = { lifeSeconds: 100, aheadSeconds: 10, retiringSeconds: 20 }

test.each([
  ['next', undefined, { step: 'activate', atMs: 11_000 }],
  ['active', undefined, { step: 'publish_successor', atMs: 91_000 }],
  ['active', 95_000, { step: 'stop_signing', atMs: 105_000 }],
  ['retiring', undefined, { step: 'retire', atMs: 21_000 }],
  ['retired', undefined, undefined],
] as const)('a key that is %s (successor published at %s) awaits %j', (state, successor, step) => {
  expect(nextStep({ state, sinceMs: 1_000 }, times, successor)).toEqual(step)
})

test('whatever a key signed has ended when it retires, and whoever reads key sets knew it when it began', () => {
  const { least, most } = signingKeyDays
  fc.assert(
    fc.property(fc.integer({ min: least, max: most }), fc.integer({ min: 0, max: longestTokenSeconds }), (days, ttl) => {
      const { lifeSeconds, aheadSeconds, retiringSeconds } = signingKeyTimes(days)
      expect(ttl).toBeLessThan(retiringSeconds)
      expect(lifeSeconds).toBeGreaterThan(aheadSeconds + retiringSeconds)
    }),
  )
})

const use = useBroker()

test('registration lets no token live longer than a key stays published behind its last signature', async () => {
  const { running } = use
  const agent = (await running.v1('GET', `/v1/agents/${running.ids.agent}`)).body
  const resource = (await running.v1('GET', `/v1/resources/${running.ids.resource}`)).body
  const put = (path: string, body: Record<string, unknown>) => {
    const own = Object.entries(body).filter(([name]) => !['id', 'client_id', 'created_at', 'updated_at'].includes(name))
    return running.v1('PUT', path, Object.fromEntries(own))
  }
  const settings = { ...agent.settings, account_ttl_seconds: 86_400, token_ttl_seconds: longestTokenSeconds + 1 }
  expect((await put(`/v1/agents/${running.ids.agent}`, { ...agent, settings })).status).toBe(400)
  const longer = { ...resource, max_ttl_seconds: longestTokenSeconds + 1 }
  expect((await put(`/v1/resources/${running.ids.resource}`, longer)).status).toBe(400)
})

test('a broker shows its key set to caches for no longer than publishing ahead allows for', async () => {
  const answer = await use.https.send(`${use.running.issuer}/jwks`)
  const [, seconds] = /max-age=(\d+)/.exec(String(answer.headers['cache-control']))!
  const guardUsesAnOldSetSeconds = 3600
  expect(guardUsesAnOldSetSeconds + Number(seconds)).toBeLessThan(signingKeyTimes().aheadSeconds)
})
