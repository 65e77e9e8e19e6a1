// Fault F2: PostgreSQL is killed with all its processes while tokens are being issued, again and again.

import { setTimeout as delay } from 'node:timers/promises'
import { checkLog, type LogVerdict } from './rig/check-log.ts'
import { type AnswerVerdict, judgeAnswers } from './rig/judge-answers.ts'
import { startLoad } from './rig/load.ts'
import { OwnPostgres } from './rig/own-postgres.ts'
import { type Rig, startRig } from './rig/rig.ts'

export interface KillReport extends AnswerVerdict {
  readonly kills: number
  readonly log: LogVerdict
  /** Calls that ended without a whole answer, by error. */
  readonly broken: Readonly<Record<string, number>>
  /** Answers of the management API, asked all the while. */
  readonly managementStatuses: Readonly<Record<string, number>>
  /** From PostgreSQL accepting connections to the next token; the longest. */
  readonly slowestRecoveryMs: number
  readonly residentBytes: number
  /** Whether the broker process lived through all of it. */
  readonly survived: boolean
}

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
  const management = askManagement(rig)
  cleanup.defer(async () => void (await management.stop()))
  await load.nextToken()
  let slowestRecoveryMs = 0
  for (let kill = 1; kill <= options.kills; kill++) {
    await delay((options.loadMs ?? 200) * (0.5 + Math.random()))
    await postgres.kill()
    await delay(100 + 200 * Math.random())
    await postgres.restart()
    const recoveryMs = await load.nextToken()
    slowestRecoveryMs = Math.max(slowestRecoveryMs, recoveryMs)
    options.onKill?.(kill, recoveryMs, load.tokens.length)
  }
  const survived = !rig.broker.hasEnded
  const residentBytes = survived ? rig.broker.residentBytes() : 0
  await load.stop()
  const managementStatuses = await management.stop()
  const admin = postgres.admin()
  cleanup.defer(() => admin.end({ timeout: 2 }))
  const log = await checkLog(admin, load.tokens)
  const broken = Object.fromEntries(load.broken)
  const answers = judgeAnswers(load.answers)
  return { kills: options.kills, log, ...answers, broken, managementStatuses, slowestRecoveryMs, residentBytes, survived }
}

/** Reads the registry all the time: those reads take connections of another kind than tokens do. */
function askManagement(rig: Rig): { stop(): Promise<Record<string, number>> } {
  const statuses: Record<string, number> = {}
  let stopped = false
  const running = (async () => {
    while (!stopped) {
      const status = await rig.http.v1('GET', '/v1/agents', rig.operatorToken).then(
        answer => String(answer.status),
        () => 'broken',
      )
      statuses[status] = (statuses[status] ?? 0) + 1
      await delay(10)
    }
  })()
  return {
    async stop() {
      stopped = true
      await running
      return statuses
    },
  }
}
