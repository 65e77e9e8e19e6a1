// A token that is always fresh when asked for. It is kept for about four fifths of its life, with some chance in the moment, so
// that many agents started together do not come back together. However many callers wait, one exchange is under way.
// If a renewal fails for now and the old token still lives, the old one is handed out.

import { MayflyError } from './mayfly-error.ts'
import { mayPass } from './retry.ts'
import type { Permissions } from './token-request.ts'
import type { TaskTokenValue } from './token-response.ts'

/** How a task token is kept. */
export interface TaskTokenOptions {
  /** Exchange again before anybody asks. Ends with `close()` or the client's. Default false. */
  readonly background?: boolean
  /** False makes every `get()` a new exchange: for resources that take each token once. Default true. */
  readonly reuse?: boolean
}

/** Gets one token. `current` is the token that it is to replace. */
export type Exchange = (current: TaskTokenValue | undefined, signal: AbortSignal | undefined) => Promise<TaskTokenValue>

/** Earliest and latest moment of renewal, as a share of the token's life. */
const renewalFrom = 0.75
const renewalSpan = 0.1
/** A token that ends within this is not handed out after a failed renewal. */
const lastUseMs = 5000
const backgroundRetryMs = 5000

/** A task token for fixed permissions, got when first asked for and renewed while used. */
export class TaskToken {
  /** The resource that the token is for. */
  readonly resource: string
  /** What was asked for; by it the nonce of a resource is answered. */
  readonly permissions: Permissions
  readonly #exchange: Exchange
  readonly #background: boolean
  readonly #reuse: boolean
  #current: TaskTokenValue | undefined
  /** What a renewal must go on with, even after the token itself was dropped. */
  #previous: TaskTokenValue | undefined
  #renewAtMs = 0
  #flight: Promise<TaskTokenValue> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = new AbortController()

  /** Made by `client.taskToken`. */
  constructor(permissions: Permissions, exchange: Exchange, options: TaskTokenOptions = {}) {
    this.resource = permissions.resource
    this.permissions = permissions
    this.#exchange = exchange
    this.#background = options.background ?? false
    this.#reuse = options.reuse ?? true
  }

  /**
   * The token, from memory while it is fresh. Rejects with a MayflyError, or with the signal's reason; an abort leaves other
   * callers' waiting untouched.
   */
  async get(options: { readonly signal?: AbortSignal } = {}): Promise<TaskTokenValue> {
    options.signal?.throwIfAborted()
    if (this.#closed.signal.aborted) throw new MayflyError({ error: 'invalid_use', description: 'this task token was closed' })
    if (!this.#reuse) return this.#keep(await this.#exchange(this.#previous, this.#signalWith(options.signal)))
    if (this.#current && Date.now() < this.#renewAtMs) return this.#current
    return await unlessAborted(this.#renew(), options.signal)
  }

  /** The token as it is, which may be about to end; undefined before the first `get()`. Nothing is sent. */
  get current(): TaskTokenValue | undefined {
    return this.#current
  }

  /**
   * Forgets the token, for example after a resource refused it; the next `get()` exchanges, in the same account. refused: the one that
   * was refused, so that a newer one stays, which somebody else may have got meanwhile.
   */
  drop(refused?: TaskTokenValue): void {
    if (refused === undefined || this.#current?.accessToken === refused.accessToken) this.#current = undefined
  }

  /** Stops renewal and exchanges under way. */
  close(): void {
    clearTimeout(this.#timer)
    this.#closed.abort(new MayflyError({ error: 'invalid_use', description: 'this task token was closed' }))
    this.#current = undefined
  }

  #renew(): Promise<TaskTokenValue> {
    this.#flight ??= this.#exchange(this.#previous, this.#closed.signal)
      .then(value => this.#keep(value))
      .catch(error => this.#fallBack(error))
      .finally(() => {
        this.#flight = undefined
      })
    return this.#flight
  }

  #keep(value: TaskTokenValue): TaskTokenValue {
    const kept = { ...value, claimUri: value.claimUri ?? this.#previous?.claimUri }
    const now = Date.now()
    const lifeMs = kept.expiresAt.getTime() - now
    this.#renewAtMs = now + lifeMs * (renewalFrom + Math.random() * renewalSpan)
    this.#previous = kept
    if (!this.#reuse) return kept
    this.#current = kept
    this.#renewIn(this.#renewAtMs - now)
    return kept
  }

  #fallBack(error: unknown): TaskTokenValue {
    const current = this.#current
    if (!current || !mayPass(error) || Date.now() > current.expiresAt.getTime() - lastUseMs) throw error
    this.#renewIn(backgroundRetryMs)
    return current
  }

  #renewIn(delayMs: number): void {
    if (!this.#background || this.#closed.signal.aborted) return
    clearTimeout(this.#timer)
    // What fails in the background is told to whoever asks next.
    this.#timer = setTimeout(() => this.#renew().catch(() => undefined), delayMs)
    this.#timer.unref()
  }

  #signalWith(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal
  }
}

/** The same promise, left early when the signal aborts. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
