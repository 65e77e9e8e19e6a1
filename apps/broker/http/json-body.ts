// One parser for JSON bodies, chosen by one exact comparison. Frameworks have more than once taken a content type with a tab
// or garbage behind it for another one than their validators did; here anything but the two spellings is 415.

import type { FastifyInstance } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseStrictJson, StrictJsonError } from '#core/json/parse-strict.ts'

const accepted = /^application\/json(?:; ?charset=utf-8)?$/i
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Makes `app` and what is registered in it take JSON bodies only. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addHook('preParsing', async (request, _reply, payload) => {
    const type = request.headers['content-type']
    const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
    if (type === undefined ? hasBody : !accepted.test(type)) throw new BrokerError('unsupported_media_type')
    return payload
  })
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => parse(body))
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined
  let text: string
  try {
    text = utf8.decode(body)
  } catch (cause) {
    throw new BrokerError('malformed_request', { hint: 'The body is not UTF-8.', cause })
  }
  try {
    return parseStrictJson(text, { maxBytes: 256 * 1024 })
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause
    throw new BrokerError('malformed_request', { hint: `The body is not acceptable JSON: ${cause.message}.`, cause })
  }
}
