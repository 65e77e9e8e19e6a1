import type { IncomingMessage } from 'node:http'

const maxBytes = 16_384

/** The body as UTF-8 text; undefined when it is longer than 16 KiB (the rest is then left unread). */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
