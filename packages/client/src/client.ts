// The client: exchanges the workload's own credential for task tokens, and calls resources with them.

import { randomUUID } from 'node:crypto'
import type { Agent } from 'undici'
import { type BrokerAnswer, type ClientCertificate, createDispatcher, send } from './broker-connection.ts'
import { type ClientAssertionOptions, ClientAssertions } from './client-assertion.ts'
import { actingMembers, type Delegated, type DelegationToken, delegationMembers, toDelegationToken } from './delegation.ts'
import { discoverTokenEndpoint } from './discovery.ts'
import { DpopProver } from './dpop-prover.ts'
import { MayflyError } from './mayfly-error.ts'
import { type CallOptions, createOwnAccount, type OwnAccount } from './own-account.ts'
import { ResourceCaller, type ResourceInit, type ResourceResponse } from './resource-fetch.ts'
import { delayAfter, type RetryOptions, wait } from './retry.ts'
import { SigningKey, type SigningKeyOptions } from './signing-key.ts'
import { doWork, thumbprintOfCertificate, thumbprintOfJwk } from './stranger.ts'
import { TaskToken, type TaskTokenOptions } from './task-token.ts'
import { exchangeForm, jwtTokenType, type Permissions, type SubjectToken } from './token-request.ts'
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
  /**
   * Bind tokens to a key by DPoP (RFC 9449), also without a certificate. `true`: a new P-256 key for this client's life. A key that
   * the agent's registration names, or its workload token's `cnf`, is given here.
   */
  readonly dpop?: true | SigningKeyOptions
  /** Authenticate as the agent itself, by a key that its registration names (private_key_jwt). Needs `issuer`. */
  readonly clientAssertion?: ClientAssertionOptions
  /**
   * The workload's own credential, or how to read it: read anew before each exchange, because such tokens rotate. May be left out
   * with `clientAssertion`: then the agent itself is the subject.
   */
  readonly subjectToken?: string | ((options: { readonly signal: AbortSignal | undefined }) => string | Promise<string>)
  /** Default `urn:ietf:params:oauth:token-type:jwt`. */
  readonly subjectTokenType?: string
  /**
   * In place of `subjectToken`, for an agent that nobody registered: some work opens its account, where the broker takes strangers.
   * Needs `issuer`, and `dpop` or `certificate` as its key.
   */
  readonly stranger?: true
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
  if (options.clientAssertion && options.issuer === undefined) {
    throw new TypeError('clientAssertion needs issuer, the only audience that an assertion may have')
  }
  if (options.stranger && (options.issuer === undefined || !(options.dpop || options.certificate))) {
    throw new TypeError('a stranger needs issuer, and a key: dpop or certificate')
  }
  if (options.subjectToken === undefined && !options.clientAssertion && !options.stranger) {
    throw new TypeError('give subjectToken, or clientAssertion where the agent itself is the subject')
  }
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
    const token = new TaskToken(asked.resource, (current, signal) => this.#exchange(asked, current, signal), options)
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
    const token = new TaskToken(asked.resource, exchange, options)
    if (options.background) this.#tokens.add(token)
    return token
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
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(permissions, current, { signal, idempotencyKey, addition })
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
    call: { signal: AbortSignal | undefined; idempotencyKey: string | undefined; addition: Addition | undefined },
  ): Promise<TaskTokenValue> {
    const { signal, idempotencyKey, addition } = call
    const endpoint = new URL(await this.#findEndpoint(signal))
    const subject = await this.#readSubject(signal)
    const form = exchangeForm(permissions, addition?.inPlaceOfSubject ? undefined : subject, current)
    const added = addition?.members(subject) ?? (await this.#doWork(form, signal))
    for (const [name, text] of Object.entries(added)) form.set(name, text)
    const sentAtMs = Date.now()
    const ask = () => this.#ask(endpoint, form, { signal, idempotencyKey })
    let answer = await ask()
    // RFC 9449 § 8: once more with the broker's nonce, and no second time.
    const { isNewNonce } = answer
    if (isNewNonce && answer.status === 400 && answer.body?.['error'] === 'use_dpop_nonce') answer = await ask()
    const value = readTokenResponse(answer, { scope: form.get('scope')?.split(' ') ?? [], sentAtMs })
    // A token that anybody may present is not what was asked for (RFC 9449 § 5).
    if (this.#prover && value.tokenType !== (form.has('may_act') ? 'N_A' : 'DPoP')) {
      throw new MayflyError({ error: 'invalid_response', description: 'the token is not bound to the DPoP key', status: 200 })
    }
    return value
  }

  /** What a stranger adds to open an account; later its key is enough. */
  async #doWork(form: URLSearchParams, signal: AbortSignal | undefined): Promise<Readonly<Record<string, string>>> {
    const { stranger, issuer = '', certificate } = this.#options
    if (!stranger || form.has('account_id')) return {}
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
