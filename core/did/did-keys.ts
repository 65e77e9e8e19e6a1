import { BrokerError } from '#core/errors/broker-error.ts'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { FetchedDocuments } from '#core/memory/fetched-documents.ts'
import { type IssuerKey, readIssuerKeys } from '#core/subject/issuer-key.ts'
import { type VerifySignature, verifyHere } from '#core/subject/signature-verifier.ts'
import type { FetchDocument } from '#core/trust-material/trust-material.ts'
import { type Relationship, readVerificationMethods, type VerificationMethod } from './did-document.ts'
import { readDidKey } from './did-key.ts'
import type { Did } from './parse-did.ts'

const maxBytes = 64 * 1024

/** A key of a DID for one algorithm. */
export interface DidKey extends IssuerKey {
  /** RFC 7638 thumbprint: its `cnf.jkt`. */
  readonly thumbprint: string
}

export interface DidKeyQuery {
  readonly did: Did
  readonly caPem: string | undefined
  readonly relationship: Relationship
  /** The verification method's whole DID URL. */
  readonly kid: string
  readonly alg: string
}

/** Keys of DIDs. A `did:web` document is where the identifier says; that a caller may make us ask there is decided before. */
export class DidKeys {
  readonly #fetch: FetchDocument
  readonly #verify: VerifySignature
  readonly #documents = new FetchedDocuments<unknown>({ freshMs: 5 * 60_000, maxDocuments: 1_000 })

  /** verify: where signatures are checked, the calling thread by default. */
  constructor(fetch: FetchDocument, verify: VerifySignature = verifyHere) {
    this.#fetch = fetch
    this.#verify = verify
  }

  /** Undefined when the DID has no such key. Throws BrokerError `trust_source_unavailable` when its document cannot be had. */
  async find(query: DidKeyQuery, nowMs: number): Promise<DidKey | undefined> {
    const { did, caPem, relationship } = query
    const url = did.documentUrl
    if (url === undefined) return this.#pick(methodsOfKey(did.did), query)
    const document = {
      name: JSON.stringify([did.did, caPem ?? null]),
      fetch: async () => {
        const bytes = await this.#fetch({ url, caPem }, maxBytes)
        const fetched = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { numbers: 'any', maxBytes })
        // Read once here, so that what is not this DID's document never takes the place of the one that is.
        readVerificationMethods(fetched, did.did, relationship)
        return fetched
      },
      pick: (found: unknown) => this.#pick(readVerificationMethods(found, did.did, relationship), query),
      unavailable: (cause: unknown, retryAfterSeconds: number) =>
        new BrokerError('trust_source_unavailable', { detail: `no document of ${did.did}`, cause, retryAfterSeconds }),
    }
    return this.#documents.find(document, nowMs)
  }

  #pick(methods: readonly VerificationMethod[], { kid, alg }: DidKeyQuery): DidKey | undefined {
    const [method, ...others] = methods.filter(({ id }) => id === kid)
    if (!method || others.length > 0) return undefined
    const key = readIssuerKeys(method.publicKeyJwk, this.#verify).find(candidate => candidate.alg === alg)
    return key && { ...key, thumbprint: jwkThumbprint(method.publicKeyJwk) }
  }
}

/** did:key § 3.1.4: one key for every relationship, named by the identifier itself. */
function methodsOfKey(did: string): VerificationMethod[] {
  const publicKeyJwk = readDidKey(did)
  return publicKeyJwk ? [{ id: `${did}#${did.slice('did:key:'.length)}`, publicKeyJwk }] : []
}
