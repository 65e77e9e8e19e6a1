// One HTTPS request on a connection of its own, with a client certificate or without: who presents which key is the point
// of half of this story, so nothing is pooled.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'

export interface Identity {
  readonly certPem: string
  readonly keyPem: string
}

export interface Question {
  readonly method?: string
  /** Default: none is presented. */
  readonly identity?: Identity | undefined
  readonly bearer?: string
  /** Sent as application/json. */
  readonly json?: object
  /** Sent as application/x-www-form-urlencoded. */
  readonly form?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  /** OAuth `error` of the body. */
  readonly error: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

/** caPem: who vouches for the server. Throws where no complete JSON answer comes within 10 s. */
export async function ask(url: string, caPem: string, question: Question): Promise<Reply> {
  const { identity, bearer, form, json } = question
  const text = json ? JSON.stringify(json) : form && new URLSearchParams(form).toString()
  const sent = request(url, {
    method: question.method ?? (text === undefined ? 'GET' : 'POST'),
    agent: false,
    ca: caPem,
    ...(identity && { cert: identity.certPem, key: identity.keyPem }),
    headers: {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(text !== undefined && {
        'content-type': json ? 'application/json' : 'application/x-www-form-urlencoded',
        'content-length': String(Buffer.byteLength(text)),
      }),
    },
    signal: AbortSignal.timeout(10_000),
  })
  sent.end(text)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>
  return { status: response.statusCode ?? 0, error: body['error'] as string | undefined, body }
}
