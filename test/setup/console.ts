// People in browsers at a broker's console, who sign in at the development provider. Cookies, redirects and forms on real
// sockets; no script, which the tests in Chromium run.

import { Agent, fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, expect } from 'vitest'
import { consoleClient, consoleClientId } from '#apps/idp/console-client.ts'
import { createIdp, type Idp } from '#apps/idp/create-idp.ts'
import { generateIdpKeys } from '#apps/idp/idp-keys.ts'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import type { BrokerInUse } from './use-broker.ts'

export interface Reply {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any
  /** `Set-Cookie` lines of this one answer. */
  readonly setCookies: readonly string[]
}

export interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Visitor {
  /** By origin and name. */
  readonly jar: Map<string, Map<string, string>>
  /** One request, no redirect followed. */
  send(url: string, sent?: Sent): Promise<Reply>
  /** A navigation: redirects are followed over both the broker and the provider. */
  open(url: string, sent?: Sent): Promise<Reply>
  /** From the console's link to the page that it leads back to. `person` is picked at the provider. */
  signIn(person: string, options?: { returnTo?: string; prefix?: string; provider?: string }): Promise<Reply>
  /** What a script of the console's own page asks; path below `/console/api`. */
  api(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    changes?: { prefix?: string; headers?: Record<string, string> },
  ): Promise<Reply>
}

export interface ConsoleInUse {
  /** These only while tests run. */
  readonly idp: Idp
  /** `idp_…` of the first tenant. */
  readonly provider: string
  visit(): Visitor
}

/** A client that the provider takes with this secret only. */
export const confidential = { id: 'console-with-secret', secret: 'a:secret+that % must be encoded' } as const

const confidentialClient = (issuer: string) => ({
  ...consoleClient(issuer),
  client_id: confidential.id,
  client_secret: confidential.secret,
  token_endpoint_auth_method: 'client_secret_basic' as const,
})

/** What a registration of the development provider looks like. */
export const providerBody = (idp: Idp, caPem: string, changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: 'development-idp',
  issuer: idp.issuer,
  client_id: 'mayfly-cli',
  console_client_id: consoleClientId,
  scopes: ['openid', 'profile', 'email', 'groups'],
  groups_claim: 'groups',
  rules: [{ group: 'mayfly-admins', role: 'tenant-admin' }],
  ca_pem: caPem,
  ...changes,
})

/** Call at the top of a test file, behind `useBroker`. prefixes: of further tenants whose people sign in. */
export function useConsole(broker: BrokerInUse, prefixes: readonly string[] = []): ConsoleInUse {
  let idp: Idp | undefined
  let provider = ''
  let dispatcher: Agent | undefined
  beforeAll(async () => {
    const { ca, issuer, v1 } = broker.running
    const { chainPem, keyPem } = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now: new Date() })
    const clients = [consoleClient(...['', ...prefixes].map(prefix => `${issuer}${prefix}`)), confidentialClient(issuer)]
    const keys = await generateIdpKeys()
    idp = createIdp({ keys, tls: { cert: chainPem, key: keyPem }, production: false, clients })
    await idp.listen()
    dispatcher = new Agent({ connect: { ca: ca.certificatePem } })
    const made = await v1('POST', '/v1/sign-in-providers', providerBody(idp, ca.certificatePem))
    expect(made.status).toBe(201)
    provider = made.body.id
  })
  afterAll(async () => {
    await idp?.close()
    await dispatcher?.destroy()
  })
  return {
    get idp() {
      return idp!
    },
    get provider() {
      return provider
    },
    visit: () => createVisitor(dispatcher!, { issuer: broker.running.issuer, idpIssuer: idp!.issuer, provider }),
  }
}

function createVisitor(dispatcher: Agent, place: { issuer: string; idpIssuer: string; provider: string }): Visitor {
  const jar: Visitor['jar'] = new Map()
  const send: Visitor['send'] = async (url, { method = 'GET', headers = {}, body } = {}) => {
    const { origin } = new URL(url)
    const cookies = jar.get(origin) ?? new Map<string, string>()
    jar.set(origin, cookies)
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ')
    const response = await undiciFetch(url, {
      method,
      dispatcher,
      redirect: 'manual',
      headers: { ...(cookie !== '' && { cookie }), ...headers },
      ...(body !== undefined && { body }),
    })
    const setCookies = response.headers.getSetCookie()
    for (const line of setCookies) keepCookie(cookies, line)
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const parsed = isJson && text !== '' ? JSON.parse(text) : undefined
    return { url, status: response.status, headers: response.headers as never, text, body: parsed, setCookies }
  }
  const open: Visitor['open'] = async (url, sent) => {
    const reply = await send(url, sent)
    const location = reply.headers.get('location')
    return location === null ? reply : open(new URL(location, url).href)
  }
  return {
    jar,
    send,
    open,
    async signIn(person, { returnTo = '/console', prefix = '', provider = place.provider } = {}) {
      const query = new URLSearchParams({ provider, return_to: returnTo })
      const page = await open(`${place.issuer}${prefix}/console/sign-in?${query}`)
      if (!page.url.startsWith(place.idpIssuer)) return page
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return open(page.url, { method: 'POST', headers, body: new URLSearchParams({ person }).toString() })
    },
    api: (method, path, body, { prefix = '', headers = {} } = {}) =>
      send(`${place.issuer}${prefix}/console/api${path}`, {
        method,
        headers: {
          ...(method === 'POST' && { origin: new URL(place.issuer).origin }),
          'sec-fetch-site': 'same-origin',
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
      }),
  }
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [name, value] = line.split(';')[0]!.split('=') as [string, string]
  if (/Max-Age=0\b/i.test(line) || value === '') cookies.delete(name)
  else cookies.set(name, value)
}
