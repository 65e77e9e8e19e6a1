// Task tokens against the log: the issuer's signature, the receipt `evt` that names a leaf, and what that leaf says: this token, these
// claims. An entry is found by the first four bytes of its hash, so that looking costs next to nothing for each of the others.

import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { canonicalJson } from '#core/json/canonical.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'
import { hashBytes } from '#core/tlog/hash.ts'
import type { ExportKeys } from './manifest.ts'

export interface TokenResult {
  /** From 1: which of those that were given. */
  readonly number: number
  /** `jti`; undefined where it cannot be read. */
  readonly tokenId: string | undefined
  /** Where its issuance stands. */
  readonly index: number | undefined
  /** Undefined: everything fits. A sentence without a full stop. */
  readonly fault: string | undefined
  /** Whether the issuer's key is in the export; retired keys may not be. */
  readonly isSignatureChecked: boolean
}

interface Wanted {
  readonly number: number
  readonly claims: Readonly<Record<string, unknown>>
  readonly receipt: Buffer
  readonly isSignatureChecked: boolean
}

export class TokenCheck {
  readonly #wanted = new Map<number, Wanted[]>()
  readonly #results: TokenResult[] = []

  /** tokens: compact JWS, one each. */
  constructor(tokens: readonly string[], issuers: ExportKeys['issuers']) {
    for (const [at, token] of tokens.entries()) this.#want(at + 1, token, issuers)
  }

  /** Whether any of these leaf hashes may be looked for: then `meet` wants to see the entry. */
  mayWant(hashes: Buffer, at: number): boolean {
    return this.#wanted.size > 0 && this.#wanted.has(hashes.readUInt32LE(at * hashBytes))
  }

  /** leaf: exact bytes; leafHash: 32 bytes. */
  meet(index: number, leaf: Buffer, leafHash: Buffer): void {
    const key = leafHash.readUInt32LE(0)
    for (const wanted of this.#wanted.get(key) ?? []) {
      if (!wanted.receipt.equals(leafHash)) continue
      this.#tell(wanted, index, faultOf(wanted.claims, leaf))
      this.#wanted.set(
        key,
        this.#wanted.get(key)!.filter(other => other !== wanted),
      )
    }
  }

  /** In the order of the tokens; those that no entry answered are among them. */
  results(): TokenResult[] {
    for (const wanted of [...this.#wanted.values()].flat())
      this.#tell(wanted, undefined, 'its receipt names no entry of this export')
    this.#wanted.clear()
    return this.#results.sort((a, b) => a.number - b.number)
  }

  #want(number: number, token: string, issuers: ExportKeys['issuers']): void {
    const claims = claimsOf(token)
    const receipt = Buffer.from(String(claims?.['evt'] ?? ''), 'base64url')
    const issuer = String(claims?.['iss'])
    const keys = Object.hasOwn(issuers, issuer) ? issuers[issuer]!.keys : []
    const signature = claims ? checkSignature(token, keys) : 'unknown key'
    const isSignatureChecked = signature === 'good'
    const refuse = (fault: string) =>
      this.#results.push({ number, tokenId: textOf(claims?.['jti']), index: undefined, fault, isSignatureChecked })
    if (!claims) refuse('it is no JWT')
    else if (signature === 'bad') refuse('its signature is wrong')
    else if (receipt.length !== hashBytes) refuse('it carries no receipt (evt)')
    else {
      const key = receipt.readUInt32LE(0)
      this.#wanted.set(key, [...(this.#wanted.get(key) ?? []), { number, claims, receipt, isSignatureChecked }])
    }
  }

  #tell({ number, claims, isSignatureChecked }: Wanted, index: number | undefined, fault: string | undefined): void {
    this.#results.push({ number, tokenId: textOf(claims['jti']), index, fault, isSignatureChecked })
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function faultOf(claims: Readonly<Record<string, unknown>>, leaf: Buffer): string | undefined {
  const { evt, ...others } = claims
  const entry = objectOf(leaf.toString('utf8'))
  if (!entry) return 'its receipt names what is no entry of a log'
  if (entry['type'] !== 'token.issued') return `its receipt names an entry of the type ${String(entry['type'])}`
  if (entry['claims_hash'] !== hash('sha256', canonicalJson(others), 'base64url'))
    return 'its claims are not those that were logged'
  return undefined
}

function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  return objectOf(Buffer.from(parts[1]!, 'base64url').toString('utf8'))
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** ES256 and RS256 are what task tokens are signed with. */
function checkSignature(token: string, keys: readonly Readonly<Record<string, unknown>>[]): 'good' | 'bad' | 'unknown key' {
  const [head = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid } = headerOf(head)
  const jwk = keys.find(each => isJsonObject(each) && each['kid'] === kid)
  if (!jwk) return 'unknown key'
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk as never, format: 'jwk' })
  } catch {
    return 'unknown key'
  }
  const wanted = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256'
  if (alg !== wanted || !['ec', 'rsa'].includes(String(key.asymmetricKeyType))) return 'bad'
  const isGood = verify(
    'sha256',
    Buffer.from(`${head}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  return isGood ? 'good' : 'bad'
}

function headerOf(text: string): { readonly alg?: unknown; readonly kid?: unknown } {
  try {
    const header: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return isJsonObject(header) ? header : {}
  } catch {
    return {}
  }
}
