// A broker with and without client certificates, and a resource, as real https servers that answer what a test tells them to.

import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { type Authority, json, newAuthority, type Pem, type Received, type Served, serve } from '../../test/tls.ts'
import { createMayflyClient, type MayflyClient, type MayflyClientOptions, MayflyError } from '../src/index.ts'

/** An answer; undefined leaves the caller waiting. */
export interface Given {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}
type Answer = (received: Received) => Given | undefined

export const permissions = { resource: 'https://orders.example', scope: 'orders:read', taskId: 'task-1' }

/** The servers of one test file. What tests set is set back before each. */
class World {
  authority!: Authority
  certificate!: Pem
  plain!: Served
  mtls!: Served
  api!: Served
  metadata: object = {}
  answerToken: (form: URLSearchParams, received: Received) => Given | undefined = () => this.granted()
  answerApi: Answer = () => ({ status: 200, body: { ok: true } })
  /** What the broker says of an account. */
  answerAccount: Answer = () => ({ status: 404, body: {} })
  answerRevoke: Answer = () => ({ status: 404, body: {} })
  #issued = 0
  readonly #clients: MayflyClient[] = []

  async start(): Promise<void> {
    this.authority = await newAuthority()
    this.certificate = await this.authority.issue('agent')
    const asks = { requestCert: true, rejectUnauthorized: true, ca: this.authority.pem }
    const broker: Answer = one =>
      one.path === '/token'
        ? this.answerToken(new URLSearchParams(one.body), one)
        : one.path === '/revoke'
          ? this.answerRevoke(one)
          : one.path.startsWith('/account')
            ? this.answerAccount(one)
            : { status: 200, body: this.metadata }
    this.plain = await this.#serve(broker)
    this.mtls = await this.#serve(broker, asks)
    this.api = await this.#serve(one => this.answerApi(one), asks)
  }

  reset(): void {
    this.metadata = {
      issuer: this.plain.origin,
      token_endpoint: `${this.plain.origin}/token`,
      mtls_endpoint_aliases: { token_endpoint: `${this.mtls.origin}/token` },
    }
    this.answerToken = () => this.granted()
    this.answerApi = () => ({ status: 200, body: { ok: true } })
    this.answerAccount = () => ({ status: 404, body: {} })
    this.answerRevoke = () => ({ status: 404, body: {} })
    this.#issued = 0
  }

  async tidy(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map(client => client.close()))
    for (const server of [this.plain, this.mtls, this.api]) server.received.length = 0
  }

  async stop(): Promise<void> {
    await Promise.all([this.plain.close(), this.mtls.close(), this.api.close()])
  }

  /** A good answer of the token endpoint: `token-1`, `token-2`, … */
  granted(change: object = {}): Given {
    this.#issued += 1
    const account = { account_id: 'acct_1', task_id: 'tsk_1', account_expires_in: 3600 }
    return {
      status: 200,
      body: { access_token: `token-${this.#issued}`, token_type: 'Bearer', expires_in: 300, ...account, ...change },
    }
  }

  client(change: Partial<MayflyClientOptions> = {}): MayflyClient {
    const client = createMayflyClient({
      issuer: this.plain.origin,
      ca: this.authority.pem,
      certificate: this.certificate,
      subjectToken: 'workload-token',
      retry: { baseDelayMs: 1, maxDelayMs: 1000 },
      timeoutMs: 2000,
      ...change,
    })
    this.#clients.push(client)
    return client
  }

  /** Exchanges that reached the broker. */
  exchanges(): Received[] {
    return [...this.plain.received, ...this.mtls.received].filter(one => one.path === '/token')
  }

  #serve(answer: Answer, options: object = {}): Promise<Served> {
    return serve(
      this.authority,
      (received, response) => {
        const given = answer(received)
        if (given) json(response, given.status, given.body ?? {}, given.headers)
      },
      options,
    )
  }
}

/** The world of a test file. */
export function useWorld(): World {
  const world = new World()
  beforeAll(() => world.start())
  beforeEach(() => world.reset())
  afterEach(() => {
    vi.useRealTimers()
    return world.tidy()
  })
  afterAll(() => world.stop())
  return world
}

/** The MayflyError with which a promise rejects. */
export async function failureOf(promise: Promise<unknown>): Promise<MayflyError> {
  const error = await promise.then(
    () => undefined,
    reason => reason,
  )
  if (!(error instanceof MayflyError)) throw new Error(`expected a MayflyError, got ${error}`)
  return error
}
