// The load process. Its parent sends one job at a time and gets one `LoadResult` or `{problem}` back.

import type { CreateTraffic, Traffic } from '../contender.ts'
import { percentiles } from '../statistics.ts'
import { runClosedLoop } from './closed-loop.ts'
import type { Collected } from './collector.ts'
import type { LoadJob, LoadResult } from './job.ts'
import { judge } from './judge.ts'
import { runOpenLoop } from './open-loop.ts'

const seen = new Set<string>()
let traffic: Traffic | undefined

async function run(job: LoadJob): Promise<LoadResult> {
  traffic ??= await ((await import(job.trafficModule)) as { createTraffic: CreateTraffic }).createTraffic(
    job.trafficOptions as never,
  )
  await traffic.prepare?.(job.first, job.plan.maxRequests)
  const collected: Collected =
    job.plan.kind === 'closed'
      ? await runClosedLoop(traffic, job.plan, job.first)
      : await runOpenLoop(traffic, job.plan, job.first)
  if (job.plan.kind === 'closed' && collected.sent >= job.plan.maxRequests)
    throw new Error('The prepared requests ran out: raise mostPerSecond.')
  const verdict = await judge(traffic, collected.answers, seen, Math.floor(Date.now() / 1000))
  return {
    tokensPerSecond: (verdict.latenciesMs.length / collected.measuredMs) * 1000,
    counted: verdict.latenciesMs.length,
    sent: collected.sent,
    latencyMs: percentiles(verdict.latenciesMs),
    lagMs: percentiles(collected.lagMs),
    signaturesVerified: verdict.signaturesVerified,
    failed: verdict.rejected + collected.errorCount,
    reasons: [...collected.errors, ...verdict.reasons],
    generatorShare: collected.generatorShare,
  }
}

process.on('message', (job: LoadJob) => {
  run(job).then(
    result => process.send!(result),
    (error: Error) => process.send!({ problem: error.stack ?? error.message }),
  )
})
process.once('disconnect', () => process.exit()) // the parent is gone
