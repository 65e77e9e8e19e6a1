// POST /enroll, as a workload calls it: with a join token or a workload token on the public port, with its certificate on the
// mTLS port.

import { Agent, request } from 'undici'
import { unreachable } from '../broker/refusal.ts'
import { CliError, systemCode } from '../cli-error.ts'
import type { Connection } from '../config/connection.ts'
import type { Identity } from './identity-folder.ts'

/** What the broker answers. */
export interface Issued {
  readonly certificate_pem: string
  /** The leaf, then what stands between it and the anchor. */
  readonly chain_pem: string
  /** Anchors of the tenant's CA. */
  readonly ca_pem: string
  readonly spiffe_id: string
  /** `agt_…` */
  readonly agent: string
  /** RFC 3339, as the next one. */
  readonly not_after: string
  readonly renew_after: string
}

export interface Wanted {
  /** PEM. */
  readonly csr: string
  readonly join_token?: string
  readonly subject_token?: string
  readonly instance?: string
}

/** A failure that may be gone in a moment: no answer, or 429, or 5xx. */
export class Unavailable extends CliError {
  readonly retryAfterMs: number | undefined

  constructor(error: CliError, retryAfterMs?: number) {
    super(error.failure)
    this.retryAfterMs = retryAfterMs
  }
}

const timeoutMs = 10_000
const longestAnswerBytes = 256 * 1024

/** Without an identity the request must bring a token. Throws `Unavailable`, and a CliError for a refusal. */
export async function enrol(connection: Connection, wanted: Wanted, identity?: Identity): Promise<Issued> {
  const issuer = connection.tenant === undefined ? connection.url : `${connection.url}/t/${connection.tenant}`
  const agent = new Agent({
    connect: {
      ...(connection.caPem !== undefined && { ca: connection.caPem }),
      ...(identity && { cert: identity.chainPem, key: identity.keyPem }),
      timeout: timeoutMs,
    },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: longestAnswerBytes,
  })
  try {
    const url = identity ? await findRenewalUrl(agent, issuer) : `${issuer}/enroll`
    const { status, body, retryAfterMs } = await send(agent, url, JSON.stringify(wanted))
    if (status === 201) return body as unknown as Issued
    throw refused(status, body, retryAfterMs)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new Unavailable(unreachable(connection.url, systemCode(error) ?? (error as Error).message))
  } finally {
    await agent.destroy()
  }
}

/** Beside the token endpoint, which the metadata names on the mTLS port (RFC 8705 § 5). */
async function findRenewalUrl(agent: Agent, issuer: string): Promise<string> {
  const { status, body, retryAfterMs } = await send(agent, `${issuer}/.well-known/oauth-authorization-server`)
  if (status !== 200) throw refused(status, body, retryAfterMs)
  const aliases = body['mtls_endpoint_aliases'] as { readonly token_endpoint?: unknown } | undefined
  const found = URL.parse(String(aliases?.token_endpoint ?? ''))
  if (found?.protocol === 'https:' && found.pathname.endsWith('/token')) return new URL('enroll', found).href
  throw new CliError({
    what: `${issuer} is no broker that renews certificates.`,
    why: 'It names no port for client certificates.',
  })
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly retryAfterMs: number | undefined
}

async function send(agent: Agent, url: string, json?: string): Promise<Answer> {
  const { statusCode, headers, body } = await request(url, {
    dispatcher: agent,
    ...(json !== undefined && { method: 'POST', headers: { 'content-type': 'application/json' }, body: json }),
  })
  const text = await body.text()
  const isJson = /[/+]json/.test(String(headers['content-type']))
  const seconds = Number(headers['retry-after'])
  return {
    status: statusCode,
    body: isJson ? JSON.parse(text) : {},
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
  }
}

function refused(status: number, body: Answer['body'], retryAfterMs: number | undefined): CliError {
  const code = typeof body['error'] === 'string' ? body['error'] : undefined
  const error = new CliError({
    what: `mayfly agent enroll: refused (${status}${code ? ` ${code}` : ''}).`,
    why: String(body['error_description'] ?? `The broker answered with status ${status}.`),
    next: 'Get a new join token: mayfly agents join-tokens create AGENT. Each is good for one enrolment.',
    status,
    ...(code !== undefined && { code }),
  })
  return status === 429 || status >= 500 ? new Unavailable(error, retryAfterMs) : error
}
