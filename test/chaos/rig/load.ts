// Steady load: a fixed number of callers, each asking again as soon as it has its answer. Nine calls of ten renew in an
// account that the caller has; the tenth opens one, and is repeated with the same Idempotency-Key until it succeeds, as an
// honest client would. Everything that came back is kept, so that it can be held against the log afterwards.

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Rig } from './rig.ts'

/** A whole answer. Times: performance.now(). */
export interface LoadAnswer {
  readonly status: number
  readonly startedMs: number
  readonly ms: number
  readonly retryAfter: string | undefined
  readonly error: string | undefined
}

export interface Opened {
  readonly token: string
  readonly taskId: string
  readonly accountId: string
  readonly claimUri: string | undefined
  /** How often it was asked for before this answer. */
  readonly repeated: number
}

export interface Load {
  readonly tokens: string[]
  readonly answers: LoadAnswer[]
  readonly opened: Opened[]
  /** Calls that ended without a whole answer, by error code. */
  readonly broken: Map<string, number>
  /** Resolves at the next token that was asked for after this call, with the milliseconds that it took; throws after 15 s. */
  nextToken(): Promise<number>
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly callers?: number
  /** One call of this many opens an account. */
  readonly openEvery?: number
}

const pauseMs = 15
const tokenWithinMs = 15_000
/** Below the life of a workload token and of an account. */
const runMs = 120_000

export function startLoad(rig: Rig, { callers = 16, openEvery = 10 }: LoadOptions = {}): Load {
  const { certificate, caPem } = rig
  const dispatcher = new Agent({
    connect: { ca: caPem, cert: certificate.chainPem, key: certificate.keyPem, timeout: 2_000 },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  })
  const load = { tokens: [] as string[], answers: [] as LoadAnswer[], opened: [] as Opened[], broken: new Map<string, number>() }
  let stopped = false
  let waiters: { readonly sinceMs: number; readonly resolve: () => void }[] = []

  const ask = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const startedMs = performance.now()
    try {
      const response = await request(`${rig.mtlsUrl}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
        dispatcher,
      })
      const body = (await response.body.json()) as Record<string, string>
      const status = response.statusCode
      const retryAfter = response.headers['retry-after'] as string | undefined
      load.answers.push({ status, startedMs, ms: performance.now() - startedMs, retryAfter, error: body['error_description'] })
      if (status !== 200) return undefined
      load.tokens.push(body['access_token']!)
      for (const waiter of waiters) if (waiter.sinceMs <= startedMs) waiter.resolve()
      return body
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code ?? (error as Error).name)
      load.broken.set(code, (load.broken.get(code) ?? 0) + 1)
      return undefined
    }
  }

  const open = async (): Promise<void> => {
    const taskId = `task-${randomUUID()}`
    const form = rig.form(randomUUID(), { task_id: taskId })
    const headers = { 'idempotency-key': randomUUID() }
    for (let repeated = 0; !stopped; repeated++) {
      const body = await ask(form, headers)
      if (body) {
        const { access_token: token, account_id: accountId, claim_uri: claimUri } = body
        load.opened.push({ token: token!, taskId, accountId: accountId!, claimUri, repeated })
        return
      }
      await delay(pauseMs)
    }
  }

  const run = async (): Promise<void> => {
    let form = rig.form(randomUUID())
    let since = performance.now()
    for (let call = 1; !stopped; call++) {
      // Workload tokens end, and so do accounts: a run of hours is many of both.
      if (performance.now() - since > runMs) {
        form = rig.form(randomUUID())
        since = performance.now()
      }
      if (call % openEvery === 0) await open()
      else if (!(await ask(form))) await delay(pauseMs)
    }
  }

  const running = Array.from({ length: callers }, run)
  return {
    ...load,
    async nextToken() {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiter = { sinceMs: performance.now(), resolve }
      waiters.push(waiter)
      const late = setTimeout(() => reject(new Error(`no token within ${tokenWithinMs} ms`)), tokenWithinMs)
      try {
        await promise
        return performance.now() - waiter.sinceMs
      } finally {
        clearTimeout(late)
        waiters = waiters.filter(other => other !== waiter)
      }
    },
    async stop() {
      stopped = true
      await Promise.all(running)
      await dispatcher.destroy()
    },
  }
}
