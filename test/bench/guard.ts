// npm run bench:guard: what the guard costs a Fastify route. The same route, bare and guarded, in one process and one run,
// turn and turn about (A B B A), over TLS with client certificates; the broker, whose feed the guard follows, is a process of
// its own on a PostgreSQL of its own, and so is what the load comes from.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { onceResourceUri, resourceUri } from '#test/setup/registration.ts'
import { type BenchBroker, startBenchBroker } from './broker/bench-broker.ts'
import type { ApiSetup } from './guard/api-process.ts'
import { mintTokens, type TokenKind } from './guard/mint-tokens.ts'
import { RawConnection, type RawTarget, requestText } from './guard/raw-connection.ts'
import { describeMachine } from './machine.ts'
import { median, percentiles } from './statistics.ts'

const usage = 'Usage: npm run bench:guard -- [--rounds 9] [--seconds 1] [--json]'
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { rounds: text, seconds: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
})
const rounds = Number(values.rounds ?? 9)
const laneSeconds = Number(values.seconds ?? 1)
const isSound = Number.isInteger(rounds) && rounds >= 1 && laneSeconds > 0
if (values.help || !isSound) {
  console.log(usage)
  process.exit(isSound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

const samplesPerLane = 400
const connections = 16
const freshTokens = 200
const onceTokens = 200

/** Starts the API. */
async function startApi(broker: BenchBroker): Promise<{ api: ChildProcess; target: RawTarget }> {
  const { issuer, ca, certificate, resourceSecret } = broker.tenant
  const server = await issueServerCertificate(ca, { hosts: ['localhost'], now: new Date() })
  const api = fork(new URL('./guard/api-process.ts', import.meta.url))
  const setup: ApiSetup = {
    issuer,
    ca: ca.certificatePem,
    cert: server.chainPem,
    key: server.keyPem,
    pop: { uri: resourceUri, secret: resourceSecret },
    once: { uri: onceResourceUri, secret: await onceSecret(broker) },
  }
  api.send(setup)
  const [{ port }] = await once(api, 'message')
  return { api, target: { port, ca: ca.certificatePem, cert: certificate.chainPem, key: certificate.keyPem } }
}

async function onceSecret({ registrar, tenant }: BenchBroker): Promise<string> {
  const { body } = await registrar.http.v1('GET', '/v1/resources', tenant.adminToken)
  const { id } = body.items.find(({ uri }: { uri: string }) => uri === onceResourceUri)
  const made = await registrar.http.v1('POST', `/v1/resources/${id}/credentials`, tenant.adminToken, { name: 'bench' })
  return made.body.secret ?? made.body.token
}

/** Milliseconds of requests one after the other. */
async function timeEach(connection: RawConnection, requests: readonly string[]): Promise<number[]> {
  const took: number[] = []
  for (const request of requests) {
    const began = performance.now()
    await connection.ask(request)
    took.push(performance.now() - began)
  }
  return took
}

/** Requests that were answered, and the processor time that the API used for them. */
async function fill(
  api: ChildProcess,
  lane: readonly RawConnection[],
  request: string,
): Promise<{ rate: number; cpuMs: number }> {
  const cpuBefore = await cpuSecondsOf(api)
  const awake = stayAwake()
  const began = performance.now()
  let count = 0
  await Promise.all(
    lane.map(async connection => {
      while (performance.now() - began < laneSeconds * 1000) {
        await connection.ask(request)
        count++
      }
    }),
  )
  awake.end()
  const seconds = (performance.now() - began) / 1000
  return { rate: count / seconds, cpuMs: (((await cpuSecondsOf(api)) - cpuBefore) * 1000) / count }
}

/**
 * Keeps this process from sleeping between answers. On one machine the API's write would have to wake it up, which costs the API
 * more than the guard does, the more often the slower it answers; callers on other machines cost it nothing.
 */
function stayAwake(): { end(): void } {
  let isAwake = true
  const turn = () => isAwake && setImmediate(turn)
  turn()
  return {
    end() {
      isAwake = false
    },
  }
}

async function cpuSecondsOf(api: ChildProcess): Promise<number> {
  api.send('cpu')
  const [{ cpuSeconds }] = await once(api, 'message')
  return cpuSeconds
}

/** A B B A of a measurement; each side's results, round by round. */
async function inTurns<T>(measure: (isGuarded: boolean) => Promise<T>): Promise<{ bare: T[]; guarded: T[] }> {
  const results: { bare: T[]; guarded: T[] } = { bare: [], guarded: [] }
  for (let round = 0; round < rounds; round++) {
    for (const isGuarded of round % 2 === 0 ? [false, true] : [true, false])
      results[isGuarded ? 'guarded' : 'bare'].push(await measure(isGuarded))
  }
  return results
}

const difference = (guarded: number[][], bare: number[][], of: 'p50' | 'p99'): number =>
  median(guarded.map((each, round) => percentiles(each)[of] - percentiles(bare[round]!)[of]))

async function measure(broker: BenchBroker, api: ChildProcess, target: RawTarget): Promise<Record<string, number>> {
  const mint = (kind: TokenKind, count: number) => mintTokens(broker, kind, count)
  const [cached] = await mint('pop', 1)
  // The same bytes to both, but for the path: what is measured is the guard, not the reading of a longer request.
  const bare = requestText('GET', '/bare/orders/42', cached)
  const guarded = requestText('GET', '/pop/orders/42', cached)
  const one = await RawConnection.open(target)
  for (const request of [bare, guarded]) await timeEach(one, Array(2_000).fill(request))

  tell('Latency, one request at a time.')
  const each = await inTurns(isGuarded => timeEach(one, Array(samplesPerLane).fill(isGuarded ? guarded : bare)))
  tell('Throughput.')
  const lane = await Promise.all(Array.from({ length: connections }, () => RawConnection.open(target)))
  const full = await inTurns(isGuarded => fill(api, lane, isGuarded ? guarded : bare))
  tell('Tokens never seen before, and tokens that count once.')
  const bareNow = await timeEach(one, Array(freshTokens).fill(bare))
  const fresh = await timeEach(
    one,
    (await mint('pop', freshTokens)).map(token => requestText('GET', '/pop/orders/42', token)),
  )
  const used = await timeEach(
    one,
    (await mint('once', onceTokens)).map(token => requestText('POST', '/once/payments', token)),
  )
  for (const connection of [one, ...lane]) connection.close()
  const [bareP, freshP, usedP] = [bareNow, fresh, used].map(percentiles)
  return {
    bare_p50_ms: median(each.bare.map(some => percentiles(some).p50)),
    pop_added_p50_ms: difference(each.guarded, each.bare, 'p50'),
    pop_added_p99_ms: difference(each.guarded, each.bare, 'p99'),
    fresh_added_p50_ms: freshP!.p50 - bareP!.p50,
    once_added_p50_ms: usedP!.p50 - bareP!.p50,
    once_added_p99_ms: usedP!.p99 - bareP!.p99,
    bare_requests_per_s: median(full.bare.map(({ rate }) => rate)),
    pop_requests_per_s: median(full.guarded.map(({ rate }) => rate)),
    pop_throughput_ratio: median(full.guarded.map(({ rate }, round) => rate / full.bare[round]!.rate)),
    pop_cpu_per_request_ratio: median(full.guarded.map(({ cpuMs }, round) => cpuMs / full.bare[round]!.cpuMs)),
  }
}

const broker = await startBenchBroker()
try {
  const { api, target } = await startApi(broker)
  const figures = await measure(broker, api, target).finally(() => api.kill())
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]))
  if (values.json) console.log(JSON.stringify({ name: 'bench:guard', machine: describeMachine(), figures: rounded }))
  else for (const [name, value] of Object.entries(rounded)) console.log(`${name.padEnd(28)} ${value}`)
} finally {
  await broker.stop()
}
