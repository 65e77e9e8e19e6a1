// A person's browser, as far as a claim needs one: cookies, redirects, forms, and what the console's pages ask. No script.

import { Agent, fetch } from 'undici'

export interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
}

export class Visitor {
  readonly #broker: string
  readonly #agent: Agent
  /** Cookies by origin. */
  readonly #jars = new Map<string, Map<string, string>>()

  /** broker: its public URL. caPem: who vouches for it and for the provider. */
  constructor(broker: string, caPem: string) {
    this.#broker = broker
    this.#agent = new Agent({ connect: { ca: caPem } })
  }

  /** Redirects are followed. form: posted. */
  async open(url: string, form?: Readonly<Record<string, string>>): Promise<Page> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = form && new URLSearchParams(form).toString()
    const { response, text } = await this.#send(url, body === undefined ? {} : { method: 'POST', headers, body })
    const location = response.headers.get('location')
    return location === null ? { url, status: response.status, text } : this.open(new URL(location, url).href)
  }

  /** Over the provider's pages. person: whom to be there. */
  async signIn(person: string, provider: string): Promise<void> {
    const query = new URLSearchParams({ provider, return_to: '/claim' })
    const page = await this.open(`${this.#broker}/console/sign-in?${query}`)
    await this.open(page.url, { person })
  }

  /** What a page of the console asks, from its own origin. path: below /console/api. */
  async api(path: string, body?: object): Promise<Page> {
    const url = `${this.#broker}/console/api${path}`
    const headers = { origin: this.#broker, 'sec-fetch-site': 'same-origin', ...(body && { 'content-type': 'application/json' }) }
    const { response, text } = await this.#send(url, { method: 'POST', headers, ...(body && { body: JSON.stringify(body) }) })
    return { url, status: response.status, text }
  }

  async #send(url: string, init: { method?: string; headers?: Record<string, string>; body?: string }) {
    const { origin } = new URL(url)
    const jar = this.#jars.get(origin) ?? new Map<string, string>()
    this.#jars.set(origin, jar)
    const cookie = [...jar].map(pair => pair.join('=')).join('; ')
    const headers = { ...init.headers, ...(cookie !== '' && { cookie }) }
    const signal = AbortSignal.timeout(10_000)
    const response = await fetch(url, { ...init, headers, signal, dispatcher: this.#agent, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1)
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return { response, text: await response.text() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}
