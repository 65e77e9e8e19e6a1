// A reader of a long NDJSON answer, on a real connection.

import { request } from 'node:https'

export interface NdjsonReader {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly lines: any[]
  /** Everything as it came. */
  text(): string
  /** How it ended: 'end' complete, 'cut' otherwise; undefined: it goes on. */
  ended: 'end' | 'cut' | undefined
  close(): void
}

export interface NdjsonRequest {
  readonly url: string
  readonly ca: string
  readonly token?: string
}

/** Resolves when the answer's head is there; lines come in by themselves. */
export function readNdjson({ url, ca, token }: NdjsonRequest): Promise<NdjsonReader> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const sent = request(url, { ca, headers, agent: false }, answer => {
      let [text, rest] = ['', '']
      const reader: NdjsonReader = {
        status: answer.statusCode ?? 0,
        lines: [],
        text: () => text,
        ended: undefined,
        close: () => sent.destroy(),
      }
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
        const parts = (rest + chunk).split('\n')
        rest = parts.pop()!
        for (const part of parts) reader.lines.push(JSON.parse(part))
      })
      answer.on('end', () => {
        reader.ended ??= 'end'
      })
      answer.on('error', () => {
        reader.ended ??= 'cut'
      })
      resolve(reader)
    })
    sent.on('error', reject)
    sent.end()
  })
}
