// Fault F2: PostgreSQL is killed with all its processes while tokens are being issued, again and again.

import { setTimeout as delay } from 'node:timers/promises'
import { checkLog, type LogVerdict } from './rig/check-log.ts'
import { type LoadAnswer, startLoad } from './rig/load.ts'
import { OwnPostgres } from './rig/own-postgres.ts'
import { startRig } from './rig/rig.ts'

export interface KillReport {
  readonly kills: number
  readonly log: LogVerdict
  /** How many answers came with each status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Refusals that did not say when to come back. */
  readonly withoutRetryAfter: number
  /** Calls that ended without a whole answer, by error. */
  readonly broken: Readonly<Record<string, number>>
  readonly refusedP50Ms: number
  readonly refusedP99Ms: number
  readonly slowestMs: number
  /** From PostgreSQL accepting connections to the next token; the longest. */
  readonly slowestRecoveryMs: number
  readonly residentBytes: number
  /** Whether the broker process lived through all of it. */
  readonly survived: boolean
}

const recoverWithinMs = 15_000

/** loadMs: how long tokens flow before each kill; varied, so that a kill meets every moment of a commit. */
export async function killPostgres(options: {
  readonly kills: number
  readonly loadMs?: number
  readonly onKill?: (kill: number, recoveryMs: number, tokens: number) => void
}): Promise<KillReport> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = await OwnPostgres.start()
  cleanup.defer(() => postgres.close())
  const rig = await startRig(postgres.appUrl)
  cleanup.defer(() => rig.close())
  const load = startLoad(rig)
  cleanup.defer(() => load.stop())
  await load.nextToken()
  let slowestRecoveryMs = 0
  for (let kill = 1; kill <= options.kills; kill++) {
    await delay((options.loadMs ?? 200) * (0.5 + Math.random()))
    await postgres.kill()
    await delay(100 + 200 * Math.random())
    await postgres.restart()
    const recoveryMs = await timeToToken(load)
    slowestRecoveryMs = Math.max(slowestRecoveryMs, recoveryMs)
    options.onKill?.(kill, recoveryMs, load.tokens.length)
  }
  const survived = !rig.broker.hasEnded
  const residentBytes = survived ? rig.broker.residentBytes() : 0
  await load.stop()
  const admin = postgres.admin()
  cleanup.defer(() => admin.end({ timeout: 2 }))
  const log = await checkLog(admin, load.tokens)
  return {
    kills: options.kills,
    log,
    ...judgeAnswers(load.answers),
    broken: Object.fromEntries(load.broken),
    slowestRecoveryMs,
    residentBytes,
    survived,
  }
}

async function timeToToken(load: { nextToken(): Promise<void> }): Promise<number> {
  const sinceMs = performance.now()
  const late = new AbortController()
  const tooLate = delay(recoverWithinMs, 'late', { signal: late.signal }).catch(() => 'aborted')
  if ((await Promise.race([load.nextToken(), tooLate])) === 'late')
    throw new Error(`no token within ${recoverWithinMs} ms of PostgreSQL being back`)
  late.abort()
  return performance.now() - sinceMs
}

/** What callers saw. Percentiles in milliseconds, of refusals with 503. */
export function judgeAnswers(answers: readonly LoadAnswer[]) {
  const statuses: Record<string, number> = {}
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  const refused = answers.filter(answer => answer.status !== 200)
  const times = refused.map(answer => answer.ms).sort((a, b) => a - b)
  return {
    statuses,
    withoutRetryAfter: refused.filter(answer => answer.retryAfter === undefined).length,
    refusedP50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    refusedP99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    slowestMs: answers.reduce((most, answer) => Math.max(most, answer.ms), 0),
  }
}
