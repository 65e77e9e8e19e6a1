// One request to a witness: `POST <url>/add-checkpoint`, c2sp.org/tlog-witness. What it answers is believed only as far as its key signed it.

import { type Agent, request } from 'undici'
import { parseSignatureLine, type VerifierKey, verifySignature } from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import {
  type AddCheckpoint,
  addCheckpointPath,
  findSize,
  formatAddCheckpoint,
  sizeContentType,
} from '#core/witness/add-checkpoint.ts'

export type WitnessReply =
  /** line: with its newline. */
  | { readonly outcome: 'cosigned'; readonly line: string }
  /** It has cosigned a tree of another size than was named. */
  | { readonly outcome: 'size'; readonly size: number }
  /** It will not vouch for this history, or does not know the log. */
  | { readonly outcome: 'refused'; readonly why: string }

export interface WitnessCall {
  readonly url: string
  readonly verifierKey: VerifierKey
  /** What the witness signs. */
  readonly text: string
  readonly agent: Agent
  readonly signal: AbortSignal
}

const whyBytesMax = 200

/** Rejects where it cannot be reached, or does not answer as a witness does. */
export async function askWitness(call: WitnessCall, asked: AddCheckpoint): Promise<WitnessReply> {
  const { url, agent, signal } = call
  const { statusCode, headers, body } = await request(`${url}/${addCheckpointPath}`, {
    method: 'POST',
    body: formatAddCheckpoint(asked),
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    dispatcher: agent,
    signal,
  })
  const text = await body.text()
  if (statusCode === 200) return { outcome: 'cosigned', line: findCosignature(text, call) }
  const size = statusCode === 409 && headers['content-type'] === sizeContentType ? findSize(text.trimEnd()) : undefined
  // The same size again: it has cosigned another tree of that size.
  if (size !== undefined && size !== asked.oldSize) return { outcome: 'size', size }
  if (size !== undefined) return { outcome: 'refused', why: `it has cosigned another tree of ${size} entries` }
  if ([400, 403, 404, 422].includes(statusCode)) return { outcome: 'refused', why: `${statusCode} ${plain(text)}` }
  throw new Error(`the witness answered ${statusCode}`)
}

/** What a stranger says goes into logs and into the database: printable ASCII, and not much of it. */
const plain = (text: string): string =>
  text
    .trim()
    .slice(0, whyBytesMax)
    .replace(/[^ -~]+/g, ' ')

/** The one of its key; others are let lie. Throws TlogError where it is missing or wrong. */
function findCosignature(text: string, { verifierKey, text: signed }: WitnessCall): string {
  const lines = text.split('\n').filter(line => line !== '')
  const own = lines.map(parseSignatureLine).find(({ name, keyId }) => name === verifierKey.name && keyId === verifierKey.keyId)
  if (!own) throw new TlogError('It answered with no signature of its key')
  verifySignature(signed, own, verifierKey)
  return `${own.line}\n`
}
