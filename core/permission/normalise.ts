// Raw JSON → permission in normal form. This happens once, where a permission enters (request, registration, policy);
// afterwards its bytes are compared, hashed and stored as they are.

import { isJsonObject } from '../json/is-json-object.ts'
import { parseStrictJson, StrictJsonError } from '../json/parse-strict.ts'
import type { AuthorizationDetail, Permission } from './permission.ts'
import { accept, MAX_CHARS, MAX_ENTRIES, type Outcome, refuse } from './permission-type.ts'
import { quote } from './quote.ts'
import { sortedSet } from './sorted-list.ts'
import { findPermissionType, permissionTypeNames } from './types.ts'

/** `index`: which entry of the raw array was refused, where it was one. */
export type NormaliseResult =
  | { readonly ok: true; readonly details: readonly AuthorizationDetail[] }
  | { readonly ok: false; readonly reason: string; readonly index?: number }

/**
 * The normal form of a parsed `authorization_details` array (RFC 9396 § 2): every entry normalised by its type, duplicates
 * dropped, sorted by canonical JSON. The result is frozen. An unknown type or field or a wrong value refuses the whole.
 */
export function normaliseDetails(raw: unknown): NormaliseResult {
  if (!Array.isArray(raw)) return refuse('authorization_details must be a JSON array of objects')
  if (raw.length > MAX_ENTRIES) return refuse(`authorization_details must have at most ${MAX_ENTRIES} entries`)
  const details: AuthorizationDetail[] = []
  for (const [index, entry] of raw.entries()) {
    const detail = normaliseEntry(entry)
    if (!detail.ok) return { ok: false, reason: `authorization_details[${index}]: ${detail.reason}`, index }
    details.push(Object.freeze(detail.value))
  }
  return { ok: true, details: Object.freeze(details.length < 2 ? details : sortDetails(details)) }
}

function sortDetails(details: readonly AuthorizationDetail[]): AuthorizationDetail[] {
  // Types build their normal form with members in order, so this text is the canonical JSON.
  const byJson = new Map(details.map(detail => [JSON.stringify(detail), detail]))
  return [...byJson.keys()].sort().map(json => byJson.get(json)!)
}

function normaliseEntry(entry: unknown): Outcome<AuthorizationDetail> {
  if (!isJsonObject(entry)) return refuse('must be an object')
  const type = Object.hasOwn(entry, 'type') ? entry['type'] : undefined
  if (typeof type !== 'string') return refuse("needs a field 'type' that is a string")
  const row = findPermissionType(type)
  if (!row) return refuse(`type ${quote(type)} is unknown; known are ${permissionTypeNames.join(', ')}`)
  return row.normalise(entry)
}

/** The same for the text of the `authorization_details` parameter: a JSON array of at most 64 KiB (RFC 9396 § 3). */
export function parseDetails(text: string): NormaliseResult {
  let raw: unknown
  try {
    raw = parseStrictJson(text)
  } catch (error) {
    if (error instanceof StrictJsonError) return refuse(`authorization_details is not acceptable JSON: ${error.message}`)
    throw error
  }
  return normaliseDetails(raw)
}

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** The scope tokens of a `scope` parameter, as a sorted set (RFC 6749 § 3.3). An empty text counts as absent (§ 3.1). */
export function parseScope(text: string): Outcome<readonly string[]> {
  if (text === '') return accept([])
  if (text.length > MAX_ENTRIES * (MAX_CHARS + 1)) return refuse('scope is too long')
  return normaliseScopes(text.split(' '))
}

/** The sorted set of a list of scope tokens, as registrations hold it. */
export function normaliseScopes(raw: unknown): Outcome<readonly string[]> {
  if (!Array.isArray(raw)) return refuse('scopes must be an array of strings')
  if (raw.length > MAX_ENTRIES) return refuse(`at most ${MAX_ENTRIES} scopes are allowed`)
  for (const token of raw) {
    if (typeof token !== 'string') return refuse('scopes must be strings')
    if (token === '') return refuse('scope has an empty token; tokens are separated by single spaces')
    if (token.length > MAX_CHARS) return refuse(`a scope is longer than ${MAX_CHARS} characters`)
    if (!scopeToken.test(token)) return refuse(`scope ${quote(token)} has characters that no scope may have`)
  }
  return accept(Object.freeze(sortedSet(raw)))
}

/** A permission from raw parts, such as the ceiling in a registration; the reason says which part was wrong. */
export function normalisePermission(raw: { readonly details: unknown; readonly scopes: unknown }): Outcome<Permission> {
  const details = normaliseDetails(raw.details)
  if (!details.ok) return refuse(details.reason)
  const scopes = normaliseScopes(raw.scopes)
  if (!scopes.ok) return scopes
  return accept(Object.freeze({ details: details.details, scopes: scopes.value }))
}
