// The client: exchanges the workload's own credential for task tokens, and calls resources with them.

import { randomUUID } from 'node:crypto'
import type { Agent } from 'undici'
import { type BrokerAnswer, createDispatcher, send } from './broker-connection.ts'
import { ClientAssertions } from './client-assertion.ts'
import { checkOptions, type MayflyClientOptions } from './client-options.ts'
import { actingMembers, type Delegated, type DelegationToken, delegationMembers, toDelegationToken } from './delegation.ts'
import { discoverTokenEndpoint } from './discovery.ts'
import { DpopProver } from './dpop-prover.ts'
import { MayflyError } from './mayfly-error.ts'
import { type CallOptions, createOwnAccount, type OwnAccount } from './own-account.ts'
import { type ProgressStep, tell } from './progress.ts'
import { ResourceCaller, type ResourceInit, type ResourceResponse } from './resource-fetch.ts'
import { delayAfter, wait } from './retry.ts'
import { SigningKey } from './signing-key.ts'
import { doWork, thumbprintOfCertificate, thumbprintOfJwk } from './stranger.ts'
import { TaskToken, type TaskTokenOptions } from './task-token.ts'
import { exchangeForm, jwtTokenType, type Permissions, type SubjectToken } from './token-request.ts'
import { readTokenResponse, refusalOf, type TaskTokenValue } from './token-response.ts'

/** Gets task tokens and calls resources with them. */
export interface MayflyClient {
  /** A task token for fixed permissions; nothing is sent before its first `get()`. */
  taskToken(permissions: Permissions, options?: TaskTokenOptions): TaskToken
  /**
   * Calls a resource with a token for it and with the client certificate. The URL must lie within the resource; redirects are
   * not followed. A resource that answers with a `Task-Nonce` is asked once more with a token for that nonce.
   */
  fetch(url: string | URL, init: ResourceInit | undefined, permissions: Permissions | TaskToken): Promise<ResourceResponse>
  /**
   * The account that a token lives in (`accountId` of its value), for its own agent to end or extend. Needs `issuer`; throws a
   * TypeError without.
   */
  account(accountId: string): OwnAccount
  /**
   * A token that lets one named sub-agent open an account below this one. to: `agt_…`. Name the account by `accountId` or `taskId`,
   * and what the sub-agent may be granted at most. Needs `issuer`.
   */
  delegate(to: string, delegated: Delegated, options?: CallOptions): Promise<DelegationToken>
  /**
   * The sub-agent's side: a task token in a child account, which its first `get()` opens with this client's own credential and key.
   * It renews itself with those alone.
   */
  openChild(delegationToken: string, permissions: Permissions, options?: TaskTokenOptions): TaskToken
  /**
   * Gives a token up (RFC 7009): no guard takes it any more. Only tokens of this agent; of one that is unknown or over nothing is
   * said. Needs a certificate, `dpop` or `clientAssertion`.
   */
  revokeToken(token: string | TaskTokenValue, options?: CallOptions): Promise<void>
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
  checkOptions(options)
  return new Client(options)
}

/** What a request says beside permissions and subject. */
interface Addition {
  readonly members: (subject: SubjectToken | undefined) => Readonly<Record<string, string>>
  /** They say who comes, too. */
  readonly inPlaceOfSubject?: boolean
}

class Client implements MayflyClient {
  readonly #options: MayflyClientOptions
  readonly #timeoutMs: number
  readonly #dispatcher: Agent
  readonly #prover: DpopProver | undefined
  readonly #assertions: ClientAssertions | undefined
  readonly #resources: ResourceCaller
  /** Those that renew themselves. */
  readonly #tokens = new Set<TaskToken>()
  #endpoint: string | undefined

  constructor(options: MayflyClientOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 10_000
    const { certificate, ca, dpop, clientAssertion, issuer = '' } = options
    this.#prover = dpop && new DpopProver(dpop === true ? SigningKey.generate() : new SigningKey(dpop, 'dpop'))
    this.#assertions = clientAssertion && new ClientAssertions(clientAssertion, issuer)
    this.#dispatcher = createDispatcher({ certificate, ca, timeoutMs: this.#timeoutMs })
    this.#resources = new ResourceCaller(this.#dispatcher, (permissions, keep) => this.taskToken(permissions, keep), this.#prover)
    this.#endpoint = options.tokenEndpoint
  }

  taskToken(permissions: Permissions, options: TaskTokenOptions = {}): TaskToken {
    const asked = structuredClone(permissions)
    const token = new TaskToken(asked, (current, signal) => this.#exchange(asked, current, signal), options)
    if (options.background) this.#tokens.add(token)
    return token
  }

  fetch(url: string | URL, init: ResourceInit | undefined, permissions: Permissions | TaskToken): Promise<ResourceResponse> {
    return this.#resources.fetch(new URL(url), init ?? {}, permissions)
  }

  account(accountId: string): OwnAccount {
    const { issuer } = this.#options
    if (issuer === undefined) throw new TypeError('an account is reached by the issuer, and only tokenEndpoint was given')
    return createOwnAccount({
      token: this.taskToken({ resource: issuer, scope: 'account', accountId }),
      findEndpoint: signal => this.#findEndpoint(signal),
      prover: this.#prover,
      dispatcher: this.#dispatcher,
      timeoutMs: this.#timeoutMs,
    })
  }

  async delegate(to: string, delegated: Delegated, { signal }: CallOptions = {}): Promise<DelegationToken> {
    const { issuer } = this.#options
    if (issuer === undefined) throw new TypeError('delegation needs issuer, and only tokenEndpoint was given')
    const { scope, authorizationDetails, taskId, accountId, ttl, allowNarrowing } = delegated
    const asked = { resource: issuer, scope, authorizationDetails, taskId, accountId, ttl, allowNarrowing } as Permissions
    return toDelegationToken(await this.#exchange(asked, undefined, signal, { members: () => delegationMembers(to, delegated) }))
  }

  openChild(delegationToken: string, permissions: Permissions, options: TaskTokenOptions = {}): TaskToken {
    const asked = structuredClone(permissions)
    const opening: Addition = { members: subject => actingMembers(delegationToken, subject), inPlaceOfSubject: true }
    const exchange = (current: TaskTokenValue | undefined, signal: AbortSignal | undefined) =>
      this.#exchange(asked, current, signal, current === undefined ? opening : undefined)
    const token = new TaskToken(asked, exchange, options)
    if (options.background) this.#tokens.add(token)
    return token
  }

  async revokeToken(token: string | TaskTokenValue, { signal }: CallOptions = {}): Promise<void> {
    const endpoint = new URL((await this.#findEndpoint(signal)).replace(/\/token$/, '/revoke'))
    const form = new URLSearchParams({ token: typeof token === 'string' ? token : token.accessToken })
    await this.#repeat(signal, async () => {
      const answer = await this.#askTwice(endpoint, form, { signal, idempotencyKey: undefined })
      if (answer.status !== 200) throw refusalOf(answer)
    })
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
    addition?: Addition,
  ): Promise<TaskTokenValue> {
    const opens = permissions.accountId === undefined && current?.accountId === undefined
    const idempotencyKey = opens ? `"${randomUUID()}"` : undefined
    return this.#repeat(signal, () => this.#attempt(permissions, current, { signal, idempotencyKey, addition }))
  }

  /** Again and again while what goes wrong may pass, as far as `retry` allows. */
  async #repeat<Result>(signal: AbortSignal | undefined, once: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once()
      } catch (error) {
        const delayMs = delayAfter(error, attempt, this.#options.retry ?? {}, Math.random())
        if (delayMs === undefined) throw error
        this.#tell({ step: 'waiting', attempt, delayMs, error: error instanceof MayflyError ? error.error : 'unknown' })
        await wait(delayMs, signal)
      }
    }
  }

  #tell(step: ProgressStep): void {
    tell(this.#options.onProgress, step)
  }

  async #attempt(
    permissions: Permissions,
    current: TaskTokenValue | undefined,
    call: { signal: AbortSignal | undefined; idempotencyKey: string | undefined; addition: Addition | undefined },
  ): Promise<TaskTokenValue> {
    const { signal, idempotencyKey, addition } = call
    const endpoint = new URL(await this.#findEndpoint(signal))
    const subject = await this.#readSubject(signal)
    const form = exchangeForm(permissions, addition?.inPlaceOfSubject ? undefined : subject, current)
    const added = addition?.members(subject) ?? (await this.#doWork(form, signal))
    for (const [name, text] of Object.entries(added)) form.set(name, text)
    const sentAtMs = Date.now()
    this.#tell({ step: 'exchanging', resource: permissions.resource })
    const answer = await this.#askTwice(endpoint, form, { signal, idempotencyKey })
    const value = readTokenResponse(answer, { scope: form.get('scope')?.split(' ') ?? [], sentAtMs })
    // A token that anybody may present is not what was asked for (RFC 9449 § 5).
    if (this.#prover && value.tokenType !== (form.has('may_act') ? 'N_A' : 'DPoP')) {
      throw new MayflyError({ error: 'invalid_response', description: 'the token is not bound to the DPoP key', status: 200 })
    }
    const { accountId, taskId, expiresAt } = value
    this.#tell({ step: 'issued', resource: permissions.resource, accountId, taskId, expiresAt })
    return value
  }

  /** RFC 9449 § 8: once more with the broker's nonce, and no second time. */
  async #askTwice(
    endpoint: URL,
    form: URLSearchParams,
    options: { signal: AbortSignal | undefined; idempotencyKey: string | undefined },
  ): Promise<BrokerAnswer> {
    const answer = await this.#ask(endpoint, form, options)
    const wantsNonce = answer.isNewNonce && answer.status === 400 && answer.body?.['error'] === 'use_dpop_nonce'
    return wantsNonce ? this.#ask(endpoint, form, options) : answer
  }

  /** What a stranger adds to open an account; later its key is enough. */
  async #doWork(form: URLSearchParams, signal: AbortSignal | undefined): Promise<Readonly<Record<string, string>>> {
    const { stranger, issuer = '', certificate } = this.#options
    if (!stranger || form.has('account_id')) return {}
    this.#tell({ step: 'working' })
    const thumbprint = this.#prover ? thumbprintOfJwk(this.#prover.publicJwk) : thumbprintOfCertificate(certificate!)
    return doWork({ issuer, thumbprint, form, dispatcher: this.#dispatcher, timeoutMs: this.#timeoutMs, signal })
  }

  /** One request to the token endpoint. Proof and assertion are good once, so each has its own. */
  async #ask(
    endpoint: URL,
    form: URLSearchParams,
    { signal, idempotencyKey }: { signal: AbortSignal | undefined; idempotencyKey: string | undefined },
  ): Promise<BrokerAnswer & { readonly isNewNonce: boolean }> {
    const proof = this.#prover?.prove('POST', endpoint)
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
      ...(proof ? { dpop: proof.header } : {}),
    }
    const body = new URLSearchParams([...form, ...Object.entries(this.#assertions?.newMembers() ?? {})]).toString()
    const answer = await send(endpoint.href, { method: 'POST', headers, body, signal }, this.#dispatcher, this.#timeoutMs)
    const isNewNonce = proof !== undefined && this.#prover?.learn(endpoint, answer.dpopNonce, proof) === true
    return { ...answer, isNewNonce }
  }

  async #findEndpoint(signal: AbortSignal | undefined): Promise<string> {
    const { issuer = '', certificate } = this.#options
    if (this.#endpoint === undefined) this.#tell({ step: 'discovering', issuer })
    this.#endpoint ??= await discoverTokenEndpoint({
      issuer,
      preferMtls: certificate !== undefined,
      dispatcher: this.#dispatcher,
      timeoutMs: this.#timeoutMs,
      signal,
    })
    return this.#endpoint
  }

  async #readSubject(signal: AbortSignal | undefined): Promise<SubjectToken | undefined> {
    const { subjectToken, subjectTokenType: type = jwtTokenType } = this.#options
    if (subjectToken === undefined) return undefined
    const token = (typeof subjectToken === 'string' ? subjectToken : await subjectToken({ signal })).trim()
    if (token === '') throw new MayflyError({ error: 'invalid_use', description: 'subjectToken gave an empty token' })
    return { token, type }
  }
}
