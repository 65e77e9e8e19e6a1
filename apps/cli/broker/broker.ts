// The management API for commands: answers are bodies, refusals are CliErrors, lists are read page by page.

import {
  createManagementClient,
  type ManagementAnswer,
  type ManagementClient,
  type ManagementRequest,
  MayflyError,
} from '../../../packages/client/src/index.ts'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../config/connection.ts'
import { refusalOf, unreachable } from './refusal.ts'

/** Anything that the API shows. */
export type Thing = Readonly<Record<string, unknown>>

export type Call = Omit<ManagementRequest, 'signal'>

const largestPage = 200

export class Broker {
  readonly #client: ManagementClient
  readonly #url: string
  readonly #signal: AbortSignal

  constructor(connection: Connection, signal: AbortSignal) {
    const { url, caPem, token } = connection
    this.#client = createManagementClient({
      url,
      ...(caPem !== undefined && { ca: caPem }),
      ...(token !== undefined && { token }),
    })
    this.#url = url
    this.#signal = signal
  }

  /** doing: the command's name, for refusals. Returns the answer; its body is an empty object where there is none. */
  async call(doing: string, call: Call): Promise<{ readonly status: number; readonly body: Thing }> {
    const answer = await this.#send(call)
    if (answer.status >= 200 && answer.status < 300) return { status: answer.status, body: answer.body ?? {} }
    throw refusalOf(doing, answer)
  }

  /** One page. */
  async page(
    doing: string,
    path: string,
    query: Call['query'],
  ): Promise<{ readonly items: readonly Thing[]; readonly next: string | undefined }> {
    const { body } = await this.call(doing, { method: 'GET', path, ...(query && { query }) })
    const next = body['next_cursor']
    return { items: (body['items'] ?? []) as readonly Thing[], next: typeof next === 'string' ? next : undefined }
  }

  /** Every item, page by page. */
  async *all(doing: string, path: string, query: Call['query'] = {}): AsyncGenerator<Thing> {
    let cursor: string | undefined
    do {
      const { items, next } = await this.page(doing, path, { ...query, limit: largestPage, cursor })
      yield* items
      cursor = next
    } while (cursor !== undefined)
  }

  /** The same, at once. */
  async everything(doing: string, path: string, query: Call['query'] = {}): Promise<Thing[]> {
    const items: Thing[] = []
    for await (const item of this.all(doing, path, query)) items.push(item)
    return items
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #send(call: Call): Promise<ManagementAnswer> {
    try {
      return await this.#client.request({ ...call, signal: this.#signal })
    } catch (error) {
      if (error instanceof MayflyError) throw unreachable(this.#url, error.description)
      if (error instanceof TypeError) throw new CliError({ what: `${this.#url} is no address of a broker.`, why: error.message })
      throw error
    }
  }
}
