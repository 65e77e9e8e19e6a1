// The client: exchanges the workload's own credential for task tokens, and calls resources with them.

import { randomUUID } from 'node:crypto'
import type { Agent } from 'undici'
import { type ClientCertificate, createDispatcher, send } from './broker-connection.ts'
import { discoverTokenEndpoint } from './discovery.ts'
import { MayflyError } from './mayfly-error.ts'
import { ResourceCaller, type ResourceInit, type ResourceResponse } from './resource-fetch.ts'
import { delayAfter, type RetryOptions, wait } from './retry.ts'
import { TaskToken, type TaskTokenOptions } from './task-token.ts'
import { exchangeForm, jwtTokenType, type Permissions } from './token-request.ts'
import { readTokenResponse, type TaskTokenValue } from './token-response.ts'

/** Options of `createMayflyClient`. */
export interface MayflyClientOptions {
  /** The broker's name; its token endpoint is then found (RFC 8414), with a certificate the one for mutual TLS (RFC 8705 § 5). */
  readonly issuer?: string
  /** The token endpoint itself, in place of `issuer`. https. */
  readonly tokenEndpoint?: string
  /** Client certificate and key, PEM. Tokens are then bound to it and useless without it. */
  readonly certificate?: ClientCertificate
  /** Authorities that may vouch for broker and resources, PEM; replaces the system's list. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** The workload's own credential, or how to read it: read anew before each exchange, because such tokens rotate. */
  readonly subjectToken: string | ((options: { readonly signal: AbortSignal | undefined }) => string | Promise<string>)
  /** Default `urn:ietf:params:oauth:token-type:jwt`. */
  readonly subjectTokenType?: string
  readonly retry?: RetryOptions
  /** Deadline of one request to the broker. Default 10,000. */
  readonly timeoutMs?: number
}

/** Gets task tokens and calls resources with them. */
export interface MayflyClient {
  /** A task token for fixed permissions; nothing is sent before its first `get()`. */
  taskToken(permissions: Permissions, options?: TaskTokenOptions): TaskToken
  /**
   * Calls a resource with a token for it and with the client certificate. The URL must lie within the resource; redirects are
   * not followed. A resource that answers with a `Task-Nonce` is asked once more with a token for that nonce.
   */
  fetch(url: string | URL, init: ResourceInit | undefined, permissions: Permissions | TaskToken): Promise<ResourceResponse>
  /** Stops renewals and ends connections. */
  close(): Promise<void>
}

/**
 * Makes a client. Throws a TypeError when the options contradict each other.
 *
 * @example
 * const client = createMayflyClient({ issuer: 'https://broker.example', certificate, subjectToken: readWorkloadToken })
 * const { accessToken } = await client.taskToken({ resource, scope: 'orders:read', taskId: 'invoice-7' }).get()
 */
export function createMayflyClient(options: MayflyClientOptions): MayflyClient {
  const address = options.tokenEndpoint ?? options.issuer
  if (address === undefined || (options.tokenEndpoint !== undefined && options.issuer !== undefined)) {
    throw new TypeError('give either issuer or tokenEndpoint')
  }
  if (!URL.canParse(address) || new URL(address).protocol !== 'https:') throw new TypeError('the broker is reached by https only')
  return new Client(options)
}

class Client implements MayflyClient {
  readonly #options: MayflyClientOptions
  readonly #timeoutMs: number
  readonly #dispatcher: Agent
  readonly #resources: ResourceCaller
  /** Those that renew themselves. */
  readonly #tokens = new Set<TaskToken>()
  #endpoint: string | undefined

  constructor(options: MayflyClientOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 10_000
    const { certificate, ca } = options
    this.#dispatcher = createDispatcher({ certificate, ca, timeoutMs: this.#timeoutMs })
    this.#resources = new ResourceCaller(this.#dispatcher, (permissions, keep) => this.taskToken(permissions, keep))
    this.#endpoint = options.tokenEndpoint
  }

  taskToken(permissions: Permissions, options: TaskTokenOptions = {}): TaskToken {
    const asked = structuredClone(permissions)
    const token = new TaskToken(asked.resource, (current, signal) => this.#exchange(asked, current, signal), options)
    if (options.background) this.#tokens.add(token)
    return token
  }

  fetch(url: string | URL, init: ResourceInit | undefined, permissions: Permissions | TaskToken): Promise<ResourceResponse> {
    return this.#resources.fetch(new URL(url), init ?? {}, permissions)
  }

  async close(): Promise<void> {
    for (const token of this.#tokens) token.close()
    this.#resources.close()
    await this.#dispatcher.destroy()
  }

  /** One exchange with its repetitions, all under one idempotency key, so that a lost answer opens no second account. */
  async #exchange(
    permissions: Permissions,
    current: TaskTokenValue | undefined,
    signal: AbortSignal | undefined,
  ): Promise<TaskTokenValue> {
    const opens = permissions.accountId === undefined && current?.accountId === undefined
    const idempotencyKey = opens ? `"${randomUUID()}"` : undefined
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(permissions, current, { signal, idempotencyKey })
      } catch (error) {
        const delay = delayAfter(error, attempt, this.#options.retry ?? {}, Math.random())
        if (delay === undefined) throw error
        await wait(delay, signal)
      }
    }
  }

  async #attempt(
    permissions: Permissions,
    current: TaskTokenValue | undefined,
    call: { signal: AbortSignal | undefined; idempotencyKey: string | undefined },
  ): Promise<TaskTokenValue> {
    const { signal, idempotencyKey } = call
    const endpoint = await this.#findEndpoint(signal)
    const subject = { token: await this.#readSubjectToken(signal), type: this.#options.subjectTokenType ?? jwtTokenType }
    const form = exchangeForm(permissions, subject, current)
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
    }
    const sentAtMs = Date.now()
    const answer = await send(
      endpoint,
      { method: 'POST', headers, body: form.toString(), signal },
      this.#dispatcher,
      this.#timeoutMs,
    )
    return readTokenResponse(answer, { scope: form.get('scope')?.split(' ') ?? [], sentAtMs })
  }

  async #findEndpoint(signal: AbortSignal | undefined): Promise<string> {
    const { issuer = '', certificate } = this.#options
    this.#endpoint ??= await discoverTokenEndpoint({
      issuer,
      preferMtls: certificate !== undefined,
      dispatcher: this.#dispatcher,
      timeoutMs: this.#timeoutMs,
      signal,
    })
    return this.#endpoint
  }

  async #readSubjectToken(signal: AbortSignal | undefined): Promise<string> {
    const { subjectToken } = this.#options
    const token = (typeof subjectToken === 'string' ? subjectToken : await subjectToken({ signal })).trim()
    if (token === '') throw new MayflyError({ error: 'invalid_use', description: 'subjectToken gave an empty token' })
    return token
  }
}
