// How long the guard takes: a token seen before, a token never seen. One process, one request at a time.
// node packages/guard/test/bench/guard.ts [--json]

import { cpus } from 'node:os'
import { createGuard } from '../../src/index.ts'
import { claimsWith, issuer, jwks, nowSeconds, requestWith, resource, signToken } from '../issuer.ts'

const cachedRuns = 50_000
const freshRuns = 5000

const quantile = (sorted: Float64Array, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
const round = (value: number): number => Number(value.toPrecision(3))

/** Milliseconds that each call took, sorted. */
async function time(runs: number, call: (run: number) => Promise<{ ok: boolean }>): Promise<Float64Array> {
  const took = new Float64Array(runs)
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now()
    const verdict = await call(run)
    took[run] = performance.now() - start
    if (!verdict.ok) throw new Error('the guard refused a good token')
  }
  return took.sort()
}

const guard = createGuard({ issuer, resource, jwks, revocation: { mode: 'none' }, clock: () => nowSeconds * 1000 })
const one = requestWith(signToken(claimsWith()))
const many = Array.from({ length: freshRuns + 500 }, () => requestWith(signToken(claimsWith())))
const requestAt = (at: number) => many[at] ?? one

await time(5000, () => guard.verify(one))
const cached = await time(cachedRuns, () => guard.verify(one))
await time(500, run => guard.verify(requestAt(freshRuns + run)))
const fresh = await time(freshRuns, run => guard.verify(requestAt(run)))

const figures = {
  cached_p50_ms: round(quantile(cached, 0.5)),
  cached_p99_ms: round(quantile(cached, 0.99)),
  fresh_p50_ms: round(quantile(fresh, 0.5)),
  fresh_p99_ms: round(quantile(fresh, 0.99)),
  token_bytes: one.headers.authorization.length - 'Bearer '.length,
}
const machine = `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}, Node ${process.version}`

if (process.argv.includes('--json')) console.log(JSON.stringify({ name: 'guard', machine, figures }))
else {
  console.log(machine)
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(16)} ${value}`)
}
