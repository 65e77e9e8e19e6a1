// POST /enroll, as a workload calls it: with a join token or a workload token on the public port, with its certificate on the
// mTLS port.

import { Agent, request } from 'undici'
import { refusalOf, unreachable } from '../broker/refusal.ts'
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
  readonly retryAfterMs: number

  constructor(error: CliError, retryAfterMs = 0) {
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
    const answer = await send(agent, url, JSON.stringify(wanted))
    if (answer.status === 201) return answer.body as unknown as Issued
    throw refused(answer)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new Unavailable(unreachable(connection.url, systemCode(error) ?? (error as Error).message))
  } finally {
    await agent.destroy()
  }
}

/** On the mTLS port, as the metadata names it (RFC 8705 § 5). */
async function findRenewalUrl(agent: Agent, issuer: string): Promise<string> {
  const answer = await send(agent, `${issuer}/.well-known/oauth-authorization-server`)
  if (answer.status !== 200) throw refused(answer)
  const aliases = answer.body['mtls_endpoint_aliases'] as { readonly enrolment_endpoint?: unknown } | undefined
  const found = URL.parse(String(aliases?.enrolment_endpoint ?? ''))
  if (found?.protocol === 'https:') return found.href
  throw new CliError({
    what: `${issuer} renews no certificates.`,
    why: 'Its metadata names no mTLS alias of enrolment_endpoint.',
  })
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined
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
    retryAfterSeconds: seconds > 0 ? seconds : undefined,
  }
}

const renew = 'Get a new join token: mayfly agents join-tokens create AGENT. Each is good for one enrolment.'

function refused(answer: Answer): CliError {
  const { status, retryAfterSeconds } = answer
  const { failure } = refusalOf('agent enroll', answer)
  if (status === 429 || status >= 500) return new Unavailable(new CliError(failure), (retryAfterSeconds ?? 0) * 1000)
  return new CliError(failure.code === 'invalid_grant' ? { ...failure, next: renew } : failure)
}
