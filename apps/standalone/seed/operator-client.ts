// `/v1` over HTTP, as any operator would call it.

import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { StartupError } from '../startup-error.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** What `/v1` registers always has an id. */
export type Registered = Readonly<Record<string, unknown>> & { readonly id: string }

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export class OperatorClient {
  readonly #baseUrl: string
  readonly #agent: Agent
  readonly #token: string

  /** caPem: who vouches for the broker. token: an operator's, or the bootstrap token. */
  constructor(options: { readonly baseUrl: string; readonly caPem: string; readonly token: string }) {
    this.#baseUrl = options.baseUrl
    this.#token = options.token
    this.#agent = new Agent({ connect: { ca: options.caPem } })
  }

  /** Any status is an answer, but that of a broker which is busy for now, as on a slow machine just after its start. */
  async send(method: Method, path: string, body?: unknown): Promise<Answer> {
    for (let left = 10; ; left -= 1) {
      const answer = await this.#sendOnce(method, path, body)
      if (answer.status !== 503 || left === 0) return answer
      await delay(1_000)
    }
  }

  async #sendOnce(method: Method, path: string, body?: unknown): Promise<Answer> {
    const answer = await request(`${this.#baseUrl}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** The body of an answer that says it is done. Throws StartupError with the problem that the broker names. */
  async call<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const answer = await this.send(method, path, body)
    if (answer.status === 202) throw waiting(`${method} ${path}`, answer)
    if (answer.status >= 200 && answer.status < 300) return answer.body as T
    throw refused(`${method} ${path}`, answer)
  }

  /** All items of a collection, page by page. */
  async list(path: string): Promise<Registered[]> {
    const items: Registered[] = []
    let cursor: string | undefined
    do {
      const query = new URLSearchParams({ limit: '200', ...(cursor !== undefined && { cursor }) })
      const page = await this.call<{ items: Registered[]; next_cursor?: string }>('GET', `${path}?${query}`)
      items.push(...page.items)
      cursor = page.next_cursor
    } while (cursor !== undefined)
    return items
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }
}

/** The tenant's own rule holds for us as well. */
function waiting(what: string, { body }: Answer): StartupError {
  return new StartupError({
    what: `${what} needs a second person.`,
    why: `This tenant wants two people for such a change; it waits as ${(body as { change: string }).change}.`,
    remedy: 'Start again on the ports of before, let somebody approve it, or set MAYFLY_STATE_DIR to a new folder.',
  })
}

interface Problem {
  readonly title?: string
  readonly detail?: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

function refused(what: string, { status, body }: Answer): StartupError {
  const { title, detail, errors = [] } = (body ?? {}) as Problem
  const said = [title, detail, ...errors.map(error => `${error.pointer}: ${error.detail}`)].filter(Boolean).join(' ')
  return new StartupError({
    what: `The broker answered ${status} to ${what}.`,
    why: said || 'It gave no reason.',
    remedy: 'If the state folder is from another version, set MAYFLY_STATE_DIR to a new one; else report this.',
  })
}
