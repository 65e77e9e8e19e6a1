// The broker's API as methods: `api.agents.list()`, `api.accounts.revoke(id)`. Which there are, what they take and give stands in the
// generated file; here is how they are called.

import { createManagementClient, type ManagementClient, type ManagementOptions, type ManagementRequest } from '../management.ts'
import { MayflyError } from '../mayfly-error.ts'
import { ApiError } from './api-error.ts'
import { type ApiCallOptions, type Page, pagesOf } from './call.ts'
import { type MayflyApi, operationTable, type Waiting } from './generated.ts'

/** What an issuer says of a token to the resource that it is for (RFC 7662); nothing but that it is not good, where it is not. */
export interface Introspection {
  readonly active: boolean
  readonly [claim: string]: unknown
}

/** The API, and what ends its connections. */
export type MayflyApiClient = MayflyApi & {
  /** Asks of a token, with the credential of the resource that it is for (`mfr_…`), at the issuer that made it. */
  introspect(token: string, options?: Pick<ApiCallOptions, 'signal'>): Promise<Introspection>
  close(): Promise<void>
}

/**
 * Makes a client of the whole API. What concerns one tenant's resources and agents (`introspect`, `consume`, `enroll`, `claim.status`) is called at
 * that tenant's issuer: give it as `url`. All methods throw an ApiError where the broker refuses, a MayflyError `connection_failed`
 * where no answer came. Throws a TypeError where the URL is no https URL.
 *
 * @example
 * const api = createMayflyApi({ url: 'https://broker.example', token: () => readOperatorToken(), ca })
 * for await (const account of api.accounts.list({ state: 'active' })) await api.accounts.revoke(account.id)
 */
export function createMayflyApi(options: ManagementOptions): MayflyApiClient {
  const client = createManagementClient(options)
  const api: Branch = {
    introspect: async (token: string, { signal }: ApiCallOptions = {}) =>
      answerOf(client, { method: 'POST', path: '/introspect', form: { token }, ...(signal && { signal }) }),
    close: () => client.close(),
  }
  for (const [name, method, path, takes] of operationTable) {
    const words = name.split('.')
    branchOf(api, words.slice(0, -1))[words.at(-1)!] = (...given: unknown[]) =>
      call(client, { method: method as Method, path, takes }, given)
  }
  return api as unknown as MayflyApiClient
}

/** Whether a change waits for a second person instead of being done. */
export const isWaiting = (answer: unknown): answer is Waiting =>
  typeof answer === 'object' && answer !== null && 'change' in answer && 'status' in answer && answer.status === 'waiting'

type Branch = Record<string, unknown>

function branchOf(top: Branch, words: readonly string[]): Branch {
  let at = top
  for (const word of words) {
    at[word] ??= {}
    at = at[word] as Branch
  }
  return at
}

type Method = ManagementRequest['method']

interface Row {
  readonly method: Method
  readonly path: string
  readonly takes: string
}

/** given: parts of the path, body, query, options, in this order and as far as the operation has them. */
function call(client: ManagementClient, { method, path, takes }: Row, given: readonly unknown[]): unknown {
  const rest = [...given]
  const filled = path.replace(/\{[^}]+\}/g, place => {
    const part = rest.shift()
    // An empty part would name the collection in place of one of its members, dots what is above it.
    if (typeof part !== 'string' || /^\.{0,2}$/.test(part))
      throw new TypeError(`${place.slice(1, -1)} must be given: ${method} ${path}`)
    return encodeURIComponent(part)
  })
  const body = takes.includes('b') ? { body: rest.shift() ?? {} } : {}
  const query = takes.includes('q') ? ((rest.shift() ?? {}) as NonNullable<ManagementRequest['query']>) : {}
  const { signal, idempotencyKey } = (rest.shift() ?? {}) as ApiCallOptions
  const options = { ...(signal && { signal }), ...(idempotencyKey !== undefined && { idempotencyKey }) }
  const send = (more: ManagementRequest['query']) =>
    answerOf(client, { method, path: filled, query: { ...query, ...more }, ...body, ...options })
  return takes.includes('p') ? pagesOf(async cursor => toPage(await send({ cursor }))) : send({})
}

async function answerOf(client: ManagementClient, sent: ManagementRequest): Promise<unknown> {
  const answer = await client.request(sent)
  if (answer.status < 200 || answer.status > 299) throw new ApiError(answer)
  if (answer.status !== 204 && answer.body === undefined) {
    throw new MayflyError({ error: 'invalid_response', description: 'the answer is no JSON object', status: answer.status })
  }
  return answer.body
}

function toPage(answer: unknown): Page<unknown> {
  const { items, next_cursor: next } = answer as Readonly<Record<string, unknown>>
  if (!Array.isArray(items))
    throw new MayflyError({ error: 'invalid_response', description: 'the answer has no items', status: 200 })
  return { items, nextCursor: typeof next === 'string' ? next : undefined }
}
