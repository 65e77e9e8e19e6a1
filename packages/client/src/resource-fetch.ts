// Calling a resource with a task token. A token goes only to the resource that it is for: the URL must lie within it, and no
// redirect is followed.

import { type Agent, fetch, Headers, type RequestInit, type Response } from 'undici'
import { type DpopProver, wantsNonce } from './dpop-prover.ts'
import { MayflyError } from './mayfly-error.ts'
import { TaskToken, type TaskTokenOptions } from './task-token.ts'
import type { Permissions } from './token-request.ts'
import type { TaskTokenValue } from './token-response.ts'

/** What `fetch` takes, without what the client decides itself. */
export type ResourceInit = Omit<RequestInit, 'dispatcher' | 'redirect'>
/** What `fetch` gives. A redirect is returned as it is. */
export type ResourceResponse = Response

/** A request that was answered with 401. */
interface Refused {
  readonly response: Response
  readonly used: TaskTokenValue
  readonly token: TaskToken
  readonly init: ResourceInit
  /** Undefined where the resource's nonce cannot be answered. */
  readonly permissions: Permissions | undefined
}

/** Permissions for which tokens are kept. */
const maxKept = 100

/** Keeps one task token for each set of permissions and calls resources with it. */
export class ResourceCaller {
  readonly #dispatcher: Agent
  readonly #taskToken: (permissions: Permissions, options?: TaskTokenOptions) => TaskToken
  readonly #prover: DpopProver | undefined
  readonly #kept = new Map<string, TaskToken>()
  /** Resources that were found to take only tokens with a nonce of theirs. */
  readonly #nonceFirst = new Set<string>()

  constructor(
    dispatcher: Agent,
    taskToken: (permissions: Permissions, options?: TaskTokenOptions) => TaskToken,
    prover: DpopProver | undefined,
  ) {
    this.#dispatcher = dispatcher
    this.#taskToken = taskToken
    this.#prover = prover
  }

  async fetch(url: URL, init: ResourceInit, permissions: Permissions | TaskToken): Promise<ResourceResponse> {
    const asked = permissions instanceof TaskToken ? permissions.permissions : permissions
    if (url.protocol !== 'https:' || !isWithin(url, asked.resource)) {
      throw new MayflyError({
        error: 'invalid_use',
        description: 'the URL must be https and lie within the resource that the token is for',
      })
    }
    const token = permissions instanceof TaskToken ? permissions : this.#tokenFor(permissions)
    const patience = init.signal ? { signal: init.signal } : {}
    const withNonce = asked.nonce !== undefined ? undefined : asked
    const used =
      (withNonce && this.#nonceFirst.has(asked.resource) && (await this.#answer(url, init, withNonce))) ||
      (await token.get(patience).catch(async (error: unknown) => {
        const answered = withNonce && wantsTaskNonce(error) ? await this.#answer(url, init, withNonce) : undefined
        if (!answered) throw error
        return answered
      }))
    const response = await this.#send(url, init, used)
    if (response.status !== 401) return response
    // The resource knows something that we do not: the account has ended, the key changed, the token was revoked.
    token.drop(used)
    const another = await this.#another({ response, used, token, init, permissions: withNonce })
    if (another === undefined || another.accessToken === used.accessToken) return response
    await response.body?.cancel()
    return await this.#send(url, init, another)
  }

  /** A token in the place of one that was refused; undefined where the refusal is the answer. It is asked for once. */
  async #another({ response, used, token, init, permissions }: Refused): Promise<TaskTokenValue | undefined> {
    if (!canRepeat(init)) return undefined
    const patience = init.signal ? { signal: init.signal } : {}
    const nonce = response.headers.get('task-nonce')
    if (nonce !== null) {
      if (permissions === undefined) return undefined
      const { accountId = permissions.accountId } = used
      const answering = this.#taskToken({ ...permissions, nonce, ...(accountId ? { accountId } : {}) }, { reuse: false })
      return await answering.get(patience)
    }
    if (!isRefusedToken(response.headers.get('www-authenticate'))) return undefined
    // A token that was revoked alone can be replaced. Where its account has ended the broker refuses, and the resource's word stands.
    return await token.get(patience).catch((error: unknown) => {
      if (error instanceof MayflyError) return undefined
      throw error
    })
  }

  close(): void {
    for (const token of this.#kept.values()) token.close()
    this.#kept.clear()
  }

  /**
   * A token for a nonce of the resource; undefined when the resource gives none. For a resource that takes only such tokens the
   * broker makes no others, so there the resource is asked first.
   */
  async #answer(url: URL, init: ResourceInit, permissions: Permissions): Promise<TaskTokenValue | undefined> {
    const nonce = await this.#askForNonce(url, init)
    if (nonce === undefined) {
      this.#nonceFirst.delete(permissions.resource)
      return undefined
    }
    this.#nonceFirst.add(permissions.resource)
    const answering = this.#taskToken({ ...permissions, nonce }, { reuse: false })
    return answering.get(init.signal ? { signal: init.signal } : {})
  }

  /** The nonce of a resource that gives one to whoever comes without a token; the request is sent bare, so that it has no effect. */
  async #askForNonce(url: URL, init: ResourceInit): Promise<string | undefined> {
    const bare = { method: methodOf(init), redirect: 'manual', dispatcher: this.#dispatcher } as const
    const response = await fetch(url, { ...bare, signal: init.signal ?? null })
    await response.body?.cancel()
    return response.status === 401 ? (response.headers.get('task-nonce') ?? undefined) : undefined
  }

  async #send(url: URL, init: ResourceInit, token: TaskTokenValue): Promise<ResourceResponse> {
    const { accessToken, tokenType } = token
    const prover = tokenType === 'DPoP' ? this.#prover : undefined
    if (tokenType !== 'Bearer' && !prover) {
      throw new MayflyError({
        error: 'invalid_use',
        description: `a token of type ${tokenType} needs a proof that this client does not make`,
      })
    }
    const sendOnce = async () => {
      const headers = new Headers(init.headers)
      headers.set('authorization', `${tokenType} ${accessToken}`)
      const proof = prover?.prove(methodOf(init), url, accessToken)
      if (proof) headers.set('dpop', proof.header)
      const response = await fetch(url, { ...init, headers, redirect: 'manual', dispatcher: this.#dispatcher })
      const isNewNonce = proof !== undefined && prover?.learn(url, response.headers.get('dpop-nonce'), proof) === true
      return { response, isNewNonce }
    }
    const { response, isNewNonce } = await sendOnce()
    // The token is good, only the proof lacked the resource's nonce: once more with it, and no second time.
    if (!isNewNonce || !wantsNonce(response.status, response.headers.get('www-authenticate')) || !canRepeat(init)) return response
    await response.body?.cancel()
    return (await sendOnce()).response
  }

  #tokenFor(permissions: Permissions): TaskToken {
    const name = JSON.stringify(Object.entries(permissions).sort(([a], [b]) => (a < b ? -1 : 1)))
    const known = this.#kept.get(name)
    if (known) return known
    const token = this.#taskToken(permissions)
    this.#kept.set(name, token)
    if (this.#kept.size > maxKept) this.#dropOldest()
    return token
  }

  #dropOldest(): void {
    for (const [name] of this.#kept) {
      this.#kept.delete(name)
      return
    }
  }
}

/**
 * Whether the broker wants a nonce of the resource. Only then is the resource asked first: what stands there may know the client by its
 * certificate alone, and do what a request says that was sent without a token.
 */
const wantsTaskNonce = (error: unknown): boolean =>
  error instanceof MayflyError && error.error === 'invalid_request' && /\bnonce\b/i.test(error.description)

/** Whether another token may help (RFC 6750 § 3.1). */
const isRefusedToken = (header: string | null): boolean => header !== null && /\berror="?invalid_token\b/i.test(header)

/** Whether the URL is the resource or lies below it, also for a proxy on the way that takes `..%2f` for `../`. */
export function isWithin(url: URL, resource: string): boolean {
  if (!URL.canParse(resource)) return false
  const root = new URL(resource)
  const directory = root.pathname.endsWith('/') ? root.pathname : `${root.pathname}/`
  const isBelow = ({ pathname }: URL): boolean => pathname === root.pathname || pathname.startsWith(directory)
  return url.origin === root.origin && isBelow(url) && isBelow(new URL(url.origin + withSlashes(url.pathname)))
}

const withSlashes = (path: string): string => path.replace(/%2f|%5c/gi, '/')

/** Whether the body can be sent a second time. */
function canRepeat(init: ResourceInit): boolean {
  return init.body === undefined || init.body === null || typeof init.body === 'string' || ArrayBuffer.isView(init.body)
}

/** The method as `fetch` sends it: the usual ones in capitals, others as they are. */
function methodOf({ method = 'GET' }: ResourceInit): string {
  return /^(?:get|head|post|put|delete|options)$/i.test(method) ? method.toUpperCase() : method
}
