// Fault F12: one `once` token, a hundred requests at the same moment, at three servers of the resource, each with a guard of its
// own, whose questions to the issuer are answered by two brokers in turn.

import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { freePort } from '#test/setup/free-port.ts'
import { untilServed } from '#test/setup/registration.ts'
import { onceResourceUri, type RunningBroker, startRunningBroker } from '#test/setup/running-broker.ts'
import { createGuard, type Guard, type Verdict } from '../../packages/guard/src/index.ts'
import { Relay } from './rig/relay.ts'

let database: TestDatabase
let running: RunningBroker
let second: Broker
let relay: Relay
let guards: Guard[]

beforeAll(async () => {
  database = await createTestDatabase()
  const ports = { first: await freePort(), second: await freePort(), secondMtls: await freePort() }
  relay = await Relay.start([ports.first, ports.second])
  const config = { port: ports.first, publicUrl: `https://localhost:${relay.port}` }
  running = await startFirst(config, ports.second)
  second = await startBroker(
    { ...running.config, port: ports.second, mtlsPort: ports.secondMtls },
    createLogger('broker', 'silent'),
  )
  guards = [0, 1, 2].map(() =>
    createGuard({
      issuer: running.issuer,
      resource: onceResourceUri,
      credential: running.resourceSecrets.once,
      tls: { ca: running.ca.certificatePem },
      replay: ['once'],
      report: false,
    }),
  )
})
afterAll(async () => {
  await Promise.all((guards ?? []).map(guard => guard.close()))
  await second?.close()
  await running?.close()
  await relay?.close()
  await database?.close()
})

/** The broker registers through its own address, behind which nobody stands yet but itself. */
async function startFirst(config: { port: number; publicUrl: string }, secondPort: number): Promise<RunningBroker> {
  const standIn = await Relay.start([config.port], secondPort)
  try {
    return await startRunningBroker({ databaseUrl: database.urls.app, config })
  } finally {
    await standIn.close()
  }
}

const detail = { type: 'agent_http', locations: [onceResourceUri], methods: ['POST'], uri_template: '/payments' }

async function payment(): Promise<string> {
  const changes = { resource: onceResourceUri, authorization_details: JSON.stringify([detail]), scope: undefined }
  const answer = await untilServed(() => running.token(running.form(changes), running.certificate))
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.access_token
}

const pay = (guard: Guard, token: string): Promise<Verdict> =>
  guard.verify({
    method: 'POST',
    url: '/api/payments',
    headers: { authorization: `Bearer ${token}` },
    certificate: new X509Certificate(running.certificate.certificatePem).raw,
  })

describe('F12: the same nonce a hundred times at once, at three guards before two brokers', () => {
  test('gets in exactly once, each time that it is tried', async () => {
    for (let round = 0; round < 5; round++) {
      const token = await payment()
      const verdicts = await Promise.all(Array.from({ length: 100 }, (_, i) => pay(guards[i % 3]!, token)))
      expect(verdicts.filter(({ ok }) => ok)).toHaveLength(1)
      const reasons = new Set(verdicts.flatMap(verdict => (verdict.ok ? [] : [verdict.reason])))
      expect([...reasons]).toEqual(['token_already_used'])
    }
    // Both brokers were asked, else this shows nothing.
    expect(Math.min(...relay.passed)).toBeGreaterThan(5)
  })

  test('a use whose answer was lost stays a use', async () => {
    const token = await payment()
    const asked = [pay(guards[0]!, token), pay(guards[1]!, token)]
    relay.reset()
    const verdicts = [...(await Promise.all(asked)), await pay(guards[2]!, token), await pay(guards[0]!, token)]
    expect(verdicts.filter(({ ok }) => ok).length).toBeLessThanOrEqual(1)
    expect((await pay(guards[1]!, token)).ok).toBe(false)
  })
})
