// The short way of a token request. What agents send day in, day out is answered before Fastify sees it: reading the body and
// writing the answer through it costs a tenth of what the main thread does for a token. Whatever is only a little out of the
// ordinary goes the long way, which gives the same answers.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { newId } from '#core/ids/id.ts'
import { createErrorAnswerer } from '../../http/error-handler.ts'
import { bodyLimitBytes, decodeUtf8, formType } from './form-body.ts'
import { renderOAuthError } from './oauth-error.ts'
import { answerTokenRequest, type TokenRouteDeps } from './token.ts'

const tenantPath = /^\/t\/([a-z0-9-]{1,63})\/token$/

/** Listens to HTTP requests; those that are not for here go to `app`, as do all once it closes. */
export function createTokenDoor(app: FastifyInstance, deps: TokenRouteDeps): RequestListener {
  const answerError = createErrorAnswerer(renderOAuthError, app.logger)
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })

  const answer = async (slug: string | undefined, raw: IncomingMessage, bytes: Buffer, response: ServerResponse) => {
    try {
      const { headers, body } = await answerTokenRequest(deps, { slug, raw, body: decodeUtf8(bytes) })
      send(response, 200, headers, body)
    } catch (thrown) {
      const { status, contentType, headers, body } = answerError(thrown, { id: newId('request'), headers: raw.headers })
      send(response, status, { 'content-type': contentType, ...headers }, body)
    }
  }

  return (request, response) => {
    const slug = closing || !isOrdinary(request) ? null : slugOf(request.url!)
    if (slug === null) app.routing(request, response)
    else readBody(request, bytes => void answer(slug, request, bytes, response))
  }
}

function isOrdinary({ method, headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return (
    method === 'POST' &&
    headers['content-type'] === formType &&
    length !== undefined &&
    Number(length) <= bodyLimitBytes &&
    headers.expect === undefined
  )
}

/** The tenant that the path of a token request names; undefined: the default one; null: another path. */
function slugOf(url: string): string | undefined | null {
  return url === '/token' ? undefined : (tenantPath.exec(url)?.[1] ?? null)
}

/** Node cuts off at Content-Length, and whoever sends slowly. A request that breaks off is nobody's any more. */
function readBody(request: IncomingMessage, done: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
  request.on('error', () => {})
}

function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
