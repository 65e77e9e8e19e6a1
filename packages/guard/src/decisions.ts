// What became of a request, told to those who count: the guard's own counters, the owner's hook, the broker's trail. None of
// them can delay a request or change what was decided.

import { hash } from 'node:crypto'
import type { BrokerConnection } from './broker/broker-connection.ts'
import { DecisionReporter, mostUnits, type SendBatch } from './broker/decision-reporter.ts'
import type { GuardSettings } from './options.ts'
import type { GrantedDetail } from './permission/detail.ts'
import { endpoint, secretOf } from './replay/consume.ts'
import type { GuardedRequest } from './request.ts'
import type { TaskTokenClaims } from './token/claims.ts'
import type { Reason } from './verdict.ts'
import { type OnWarning, processWarning } from './warnings.ts'

/** What the steps came to; claims are there where the token's signature held. */
export type Judgement =
  | { readonly reason: Reason; readonly claims?: TaskTokenClaims }
  | { readonly granted: GrantedDetail | undefined; readonly claims: TaskTokenClaims }

/** One decision, for metrics and bookkeeping. */
export interface GuardDecision {
  readonly outcome: 'allow' | 'deny'
  /** `granted`, or the internal reason of the refusal. */
  readonly reason: 'granted' | Reason
  /** The claims, where the token's signature held. */
  readonly token: TaskTokenClaims | undefined
  /** The entry of `authorization_details` that granted it. */
  readonly granted: GrantedDetail | undefined
  readonly request: GuardedRequest
  /** Milliseconds since the epoch at which it came. */
  readonly timeMs: number
  readonly tookMs: number
}

/** Hooks of a guard's owner. */
export interface DecisionHooks {
  /** Called with each decision once it is made. What it throws is ignored, and said once. */
  readonly onDecision?: (decision: GuardDecision) => void
  /** What a request that was let in costs, in spend units; reported to the broker with the decision. Whole and not negative. */
  readonly unitsOf?: (decision: GuardDecision) => number | undefined
}

/** Counts, tells and reports decisions. */
export class Decisions {
  readonly reporter: DecisionReporter | undefined
  readonly #hooks: DecisionHooks
  readonly #warn: OnWarning
  readonly #refused: Partial<Record<Reason, number>> = {}
  #allowed = 0
  #hasHookFailed = false

  constructor(settings: GuardSettings, connection: BrokerConnection) {
    this.#hooks = settings
    this.#warn = settings.onWarning ?? processWarning
    this.reporter = reporterOf(settings, connection)
  }

  /** The time on the process's own clock, where anybody asks how long a decision takes. */
  startOne(): number {
    return this.#hooks.onDecision || this.#hooks.unitsOf ? performance.now() : 0
  }

  /** Takes note of a decision. Never throws. timeMs: since the epoch; startedMs: on the process's own clock. */
  note(judged: Judgement, request: GuardedRequest, timeMs: number, startedMs: number): void {
    if ('reason' in judged) this.#refused[judged.reason] = (this.#refused[judged.reason] ?? 0) + 1
    else this.#allowed += 1
    const { onDecision, unitsOf } = this.#hooks
    let units: number | undefined
    if (onDecision || unitsOf) {
      const decision = decisionOf(judged, request, timeMs, performance.now() - startedMs)
      this.#call(() => onDecision?.(decision))
      if (decision.outcome === 'allow') this.#call(() => (units = checkUnits(unitsOf?.(decision))))
    }
    this.#report(judged, request, Math.floor(timeMs), units)
  }

  get allowed(): number {
    return this.#allowed
  }

  get refused(): Readonly<Partial<Record<Reason, number>>> {
    return { ...this.#refused }
  }

  #call(hook: () => void): void {
    try {
      hook()
    } catch (error) {
      if (this.#hasHookFailed) return
      this.#hasHookFailed = true
      this.#warn(`A hook of the guard failed: ${String(error)}`, 'hook_failed')
    }
  }

  #report(judged: Judgement, request: GuardedRequest, time: number, units: number | undefined): void {
    if (!this.reporter) return
    const reason = 'reason' in judged ? judged.reason : 'granted'
    const { claims } = judged
    if (!claims) {
      this.reporter.count(reason, time)
      return
    }
    const { method, url } = request
    const question = url.indexOf('?')
    const path = question < 0 ? url : url.slice(0, question)
    const name = reason === 'granted' ? `${method} ${path}` : `${reason} ${method} ${path}`
    this.reporter.addNamed(claims.jti, name, time, units, () => ({
      time,
      outcome: 'reason' in judged ? 'deny' : 'allow',
      reason,
      jti: claims.jti,
      account_id: claims.account_id,
      // One odd method must not make the broker refuse the batch that tells of it.
      ...(/^[A-Z]{1,16}$/.test(method) ? { method } : {}),
      path_hash: hash('sha256', path, 'base64url'),
    }))
  }
}

function decisionOf(judged: Judgement, request: GuardedRequest, timeMs: number, tookMs: number): GuardDecision {
  const common = { token: judged.claims, request, timeMs, tookMs }
  return 'reason' in judged
    ? { outcome: 'deny', reason: judged.reason, granted: undefined, ...common }
    : { outcome: 'allow', reason: 'granted', granted: judged.granted, ...common }
}

function checkUnits(units: number | undefined): number | undefined {
  if (units === undefined) return undefined
  if (Number.isInteger(units) && units >= 0 && units <= mostUnits) return units
  throw new TypeError('unitsOf must give a whole number from 0 to 1,000,000,000')
}

function reporterOf(settings: GuardSettings, connection: BrokerConnection): DecisionReporter | undefined {
  const { credential, report = true, issuer } = settings
  if (!credential || report === false) return undefined
  const send: SendBatch = async (decisions, key) => {
    const headers = { 'idempotency-key': `"${key}"` }
    return (await connection.post(endpoint(issuer, 'v1/decisions'), { decisions }, await secretOf(credential), headers)).status
  }
  return new DecisionReporter(send, report === true ? {} : report)
}
