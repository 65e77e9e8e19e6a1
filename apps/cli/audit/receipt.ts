// A task token against the entry of its issuance: the token names the entry by its hash (`evt`), the entry names the token's claims by
// theirs (`claims_hash`). So neither can be exchanged without the other.

import { hash } from 'node:crypto'
import { canonicalJson } from '#core/json/canonical.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { CliError } from '../cli-error.ts'
import { decodeJwt, textOf } from '../explain/jwt.ts'

export interface Receipt {
  /** The token's id. */
  readonly jti: string
  /** Leaf hash of the entry, base64url. */
  readonly evt: string
  /** SHA-256 of the canonical claims without `evt`, base64url. */
  readonly claimsHash: string
}

/** Throws a CliError for what is no token with a receipt. The token's signature is not looked at. */
export function readReceipt(token: string): Receipt {
  const { evt, ...claims } = decodeJwt(token)?.claims ?? {}
  const jti = textOf(claims['jti'])
  if (typeof evt !== 'string' || !/^at_[0-9a-f]{32}$/.test(jti))
    throw new CliError({
      what: 'This is no task token with a receipt.',
      why: 'It has no evt, or no jti of ours.',
      next: 'mayfly explain says what it is.',
    })
  return { jti, evt, claimsHash: hash('sha256', canonicalJson(claims), 'base64url') }
}

/** Throws TlogError, which says what does not fit. */
export function checkReceipt({ jti, evt, claimsHash }: Receipt, entry: string): void {
  if (leafHash(entry).toString('base64url') !== evt) throw new TlogError('The token’s receipt names another entry')
  const { type, token, claims_hash: logged } = JSON.parse(entry) as Readonly<Record<string, unknown>>
  if (type !== 'token.issued' || token !== jti) throw new TlogError('The entry tells of another token')
  if (logged !== claimsHash) throw new TlogError('The token’s claims are not those that were logged: somebody changed them')
}
