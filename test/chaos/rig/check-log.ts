// The judgement of every fault test: each token that a client received stands in the log, and the log is whole.

import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'
import { canonicalJson } from '#core/json/canonical.ts'

export interface LogVerdict {
  readonly entries: number
  readonly tokens: number
  /** Tokens whose receipt is the hash of no leaf. */
  readonly missing: number
  /** Tokens whose leaf commits to other claims. */
  readonly different: number
  /** Positions that are not one above the one before, and a head that is not their number. */
  readonly gaps: number
}

export const soundLog = { missing: 0, different: 0, gaps: 0 }

const sha256 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('base64url')
}

/** admin: a superuser's connection. Hashes are recomputed from the bytes stored (RFC 6962 § 2.1). */
export async function checkLog(admin: Sql, tokens: readonly string[]): Promise<LogVerdict> {
  const claimsHashes = new Map<string, string | undefined>()
  let [entries, gaps] = [0, 0]
  for await (const rows of admin<{ position: bigint; leaf: string }[]>`
    select position, leaf from log.entry order by position`.cursor(5_000))
    for (const { position, leaf } of rows) {
      if (position !== BigInt(entries)) gaps++
      entries++
      claimsHashes.set(sha256(Buffer.from([0]), leaf), JSON.parse(leaf).claims_hash)
    }
  const [head] = await admin<{ size: bigint }[]>`select size from log.head`
  if (head?.size !== BigInt(entries)) gaps++
  let [missing, different] = [0, 0]
  for (const token of tokens) {
    const { evt, ...claims } = payloadOf(token)
    if (!claimsHashes.has(evt as string)) missing++
    else if (claimsHashes.get(evt as string) !== sha256(canonicalJson(claims))) different++
  }
  return { entries, tokens: tokens.length, missing, different, gaps }
}

export function payloadOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8'))
}
