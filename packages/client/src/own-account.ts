// The account that a task lives in, by its own agent: look at it, say that the task is done, give it up, ask for more time. Each call
// carries a token for the broker itself (`scope=account`), in that account, and the proof of its key.

import type { Agent } from 'undici'
import { ApiError } from './api/api-error.ts'
import { type Pages, pagesOf } from './api/call.ts'
import type { AccountAttachment, OwnAccount as AccountState, OwnAccountChild } from './api/generated.ts'
import { send } from './broker-connection.ts'
import type { DpopProver } from './dpop-prover.ts'
import { MayflyError } from './mayfly-error.ts'
import type { TaskToken } from './task-token.ts'

export type { AccountState }

/** One account. All methods throw a MayflyError where the broker refuses or cannot be reached. */
export interface OwnAccount {
  get(options?: CallOptions): Promise<AccountState>
  /** The task is done: the account ends, and all its tokens with it. */
  complete(options?: CallOptions): Promise<AccountState>
  /** The task went wrong: the account ends, and the log says that it did not come to its end. */
  revoke(options?: CallOptions): Promise<AccountState>
  /** Moves the end to so many seconds from now, as far as the agent's registration allows. */
  extend(ttlSeconds: number, options?: CallOptions): Promise<AccountState>
  /** The code that a person who claims the account must type, and how many seconds it is good for. */
  claimCode(options?: CallOptions): Promise<{ readonly code: string; readonly expiresIn: number }>
  /**
   * Attaches something outside by a connector, or renews the access to it: whatever was given before ends. The access is told
   * this once. connector: its name or id.
   */
  attach(connector: string, options?: CallOptions): Promise<Attachment>
  /** What is attached. The access itself is told by `attach` alone. */
  attachments(options?: CallOptions): Pages<AccountAttachment>
  /** Takes down one attachment. */
  detach(attachmentId: string, options?: CallOptions): Promise<void>
  /** The accounts right below, which sub-agents were given. */
  children(options?: CallOptions): Pages<OwnAccountChild>
  /** Ends an account anywhere below this one, and all below it. */
  revokeChild(accountId: string, options?: CallOptions): Promise<OwnAccountChild>
}

/** Something that an account has outside. */
export interface Attachment {
  /** `att_…` */
  readonly id: string
  /** Where it is and by which secret, as its kind says: `host`, `user`, `password`, … */
  readonly access: Readonly<Record<string, string | number>>
}

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** What the client gives. */
export interface OwnAccountDeps {
  /** For the broker itself, in this account. */
  readonly token: TaskToken
  /** The token endpoint, behind which the account's own endpoints lie. */
  readonly findEndpoint: (signal: AbortSignal | undefined) => Promise<string>
  readonly prover: DpopProver | undefined
  readonly dispatcher: Agent
  readonly timeoutMs: number
}

export function createOwnAccount(deps: OwnAccountDeps): OwnAccount {
  const post = async <Shape>(path: string, body?: object, options: CallOptions = {}) =>
    (await call(deps, { method: 'POST', path, body }, options)) as Shape
  return {
    get: async (options = {}) =>
      (await call(deps, { method: 'GET', path: '/account', body: undefined }, options)) as unknown as AccountState,
    complete: options => post('/account/complete', undefined, options),
    revoke: options => post('/account/revoke', undefined, options),
    extend: (ttl, options) => post('/account/extend', { ttl }, options),
    async claimCode(options) {
      const { code, expires_in: expiresIn } = await post<Answer>('/account/claim-code', undefined, options)
      if (typeof code !== 'string' || typeof expiresIn !== 'number')
        throw new MayflyError({ error: 'invalid_response', description: 'the answer lacks code or expires_in', status: 200 })
      return { code, expiresIn }
    },
    async attach(connector, options) {
      const { id, access } = await post<Answer>('/account/attachments', { connector }, options)
      if (typeof id !== 'string' || typeof access !== 'object' || access === null)
        throw new MayflyError({ error: 'invalid_response', description: 'the answer lacks id or access', status: 201 })
      return { id, access: access as Attachment['access'] }
    },
    attachments: options => pages(deps, '/account/attachments', options),
    async detach(attachmentId, options = {}) {
      await call(
        deps,
        { method: 'DELETE', path: `/account/attachments/${encodeURIComponent(attachmentId)}`, body: undefined },
        options,
      )
    },
    children: options => pages(deps, '/account/children', options),
    revokeChild: (id, options) => post(`/account/children/${encodeURIComponent(id)}/revoke`, undefined, options),
  }
}

type Answer = Readonly<Record<string, unknown>>

function pages<Item>(deps: OwnAccountDeps, path: string, options: CallOptions = {}): Pages<Item> {
  return pagesOf(async cursor => {
    const more = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const { items, next_cursor: next } = await call(deps, { method: 'GET', path: `${path}${more}`, body: undefined }, options)
    if (!Array.isArray(items))
      throw new MayflyError({ error: 'invalid_response', description: 'the answer has no items', status: 200 })
    return { items: items as Item[], nextCursor: typeof next === 'string' ? next : undefined }
  })
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body: object | undefined
}

async function call(deps: OwnAccountDeps, sent: Call, { signal }: CallOptions): Promise<Answer> {
  const { dispatcher, timeoutMs, prover } = deps
  const endpoint = await deps.findEndpoint(signal)
  if (!endpoint.endsWith('/token'))
    throw new MayflyError({ error: 'invalid_metadata', description: 'the token endpoint does not end in /token' })
  const url = new URL(`${endpoint.slice(0, -'/token'.length)}${sent.path}`)
  const { accessToken, tokenType } = await deps.token.get(signal ? { signal } : {})
  const proof = tokenType === 'DPoP' ? prover?.prove(sent.method, url, accessToken) : undefined
  const headers = {
    accept: 'application/json, application/problem+json',
    authorization: `${tokenType} ${accessToken}`,
    ...(sent.body && { 'content-type': 'application/json' }),
    ...(proof && { dpop: proof.header }),
  }
  const body = sent.body && JSON.stringify(sent.body)
  const answer = await send(url.href, { method: sent.method, headers, signal, ...(body && { body }) }, dispatcher, timeoutMs)
  if (answer.status === 401) deps.token.drop()
  if (answer.status === 204) return {}
  if ((answer.status !== 200 && answer.status !== 201) || !answer.body) throw new ApiError(answer)
  return answer.body
}
