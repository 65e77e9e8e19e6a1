// What of a DID document (W3C DID 1.0 § 5) says with which keys its subject proves itself.

import { isJsonObject } from '#core/json/is-json-object.ts'

/** Why a key stands in a document: to prove oneself, or to vouch for others. § 5.3. */
export type Relationship = 'authentication' | 'assertionMethod'

export interface VerificationMethod {
  /** A DID URL: the document's DID and a fragment. */
  readonly id: string
  readonly publicKeyJwk: Readonly<Record<string, unknown>>
}

const maxMethods = 64

/**
 * The keys of a document for one relationship. Throws when the document is not that of `did`: whoever serves it may name
 * other identifiers in it, and must not speak for them. Methods of another controller, or in another form than JsonWebKey,
 * are passed over.
 */
export function readVerificationMethods(document: unknown, did: string, relationship: Relationship): VerificationMethod[] {
  if (!isJsonObject(document) || document['id'] !== did) throw new Error('the DID document is not that of the DID')
  const listed = listOf(document['verificationMethod']).flatMap(entry => readMethod(entry, did) ?? [])
  return listOf(document[relationship]).flatMap(entry => {
    if (typeof entry !== 'string') return readMethod(entry, did) ?? []
    const id = absolute(entry, did)
    const named = listed.filter(method => method.id === id)
    // Two methods under one name are no method: which of them was meant cannot be known.
    return named.length === 1 ? named : []
  })
}

function readMethod(entry: unknown, did: string): VerificationMethod | undefined {
  if (!isJsonObject(entry)) return undefined
  const { id, controller, publicKeyJwk } = entry
  if (typeof id !== 'string' || controller !== did || !isJsonObject(publicKeyJwk)) return undefined
  const full = absolute(id, did)
  return full.startsWith(`${did}#`) ? { id: full, publicKeyJwk } : undefined
}

/** § 3.2.2: a fragment alone is relative to the document's DID. */
const absolute = (id: string, did: string): string => (id.startsWith('#') ? `${did}${id}` : id)

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, maxMethods) : [])
