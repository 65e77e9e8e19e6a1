// An audit event has three parts with three fates.
//
//   leaf     the envelope: random ids, type, time, and commitments. Hashed as the bytes stored; stays for ever.
//   body     what happened, in our own words: reason codes, numbers. Stays as long as its retention class.
//   private  whatever could name or describe a person or an object. Stands in the leaf as a salted commitment only and in
//            the body encrypted under the subject's key: destroying that key forgets it, and changes no leaf.
//
// The leaf is RFC 8785 canonical JSON. Its members are written in sorted order by hand, which is a third of a microsecond
// where JSON.stringify takes one; a test holds it against a canonicalizer.

import { createCipheriv, hash } from 'node:crypto'
import { newUuid } from '#core/ids/id.ts'
import { randomText, takeRandom } from '#core/ids/random.ts'
import type { AuditEventType, FactsOf, PrivateOf } from './catalogue/catalogue.ts'

export type { AuditEventType } from './catalogue/catalogue.ts'

/** A foreign subject's key: 32 bytes, and the id under which its sealed form is stored. */
export interface SubjectKey {
  readonly id: string
  readonly key: Buffer
}

export type Facts = Readonly<Record<string, unknown>>

/** What may be said of an event follows from its row in the catalogue (`catalogue/catalogue.ts`). */
export interface AuditEvent<T extends AuditEventType = AuditEventType> {
  readonly type: T
  readonly tenantId: string | null
  readonly agentId?: string | undefined
  readonly accountId?: string | undefined
  /** `jti` of the token concerned. */
  readonly tokenId?: string | undefined
  /** SHA-256 of the canonical claims without `evt`, base64url. */
  readonly claimsHash?: string | undefined
  readonly facts: FactsOf<T>
  readonly private?: { readonly subjectKey: SubjectKey; readonly facts: PrivateOf<T> } | SealedFacts | undefined
}

/** Private facts as the log holds them: ciphertext for the body, commitment for the leaf. */
export interface SealedFacts {
  readonly subjectKeyId: string
  /** base64url of nonce (12) ‖ AES-256-GCM ciphertext of `{facts, salt}` ‖ tag (16). */
  readonly text: string
  /** base64url of SHA-256 over the plaintext. */
  readonly commitment: string
}

export interface PreparedEvent {
  /** The exact bytes of the leaf, as text; never holds a newline. */
  readonly leaf: string
  /** base64url of SHA-256(0x00 ‖ leaf), RFC 6962 § 2.1: the receipt, `evt`. */
  readonly leafHash: string
  /** One line of JSON. */
  readonly body: string
}

/** RFC 6962 leaf hash of a leaf's text, base64url. */
export function hashLeaf(leaf: string): string {
  return hash('sha256', `\0${leaf}`, 'base64url')
}

/** Makes leaf and body of an event. nowMs: the database's clock, milliseconds since the epoch. */
export function prepareEvent<T extends AuditEventType>(event: AuditEvent<T>, nowMs: number): PreparedEvent {
  const sealed =
    event.private && ('text' in event.private ? event.private : sealFacts(event.private.subjectKey, event.private.facts))
  const body = JSON.stringify(sealed ? { ...event.facts, private: sealed.text, subject_key: sealed.subjectKeyId } : event.facts)
  const salt = randomText(16)
  const bodyHash = hash('sha256', salt + body, 'base64url')
  const head = member('account', event.accountId) + member('agent', event.agentId) + member('body_hash', bodyHash)
  const ids = member('claims_hash', event.claimsHash) + member('id', newUuid(nowMs)) + member('private_hash', sealed?.commitment)
  const tail = `${member('salt', salt)}${member('tenant', event.tenantId ?? undefined)}"time":${Math.floor(nowMs)},`
  const leaf = `{${head}${ids}${tail}${member('token', event.tokenId)}${member('type', event.type)}"v":1}`
  return { leaf, leafHash: hashLeaf(leaf), body }
}

/** A member of the leaf and a comma. Only ids, hashes and names of ours come here: ASCII without quotes. */
const member = (name: string, value: string | undefined): string => (value === undefined ? '' : `"${name}":"${value}",`)

/** Encrypts `{facts, salt}`; the commitment is over that text, so it reveals nothing once the text cannot be read. */
export function sealFacts(subjectKey: SubjectKey, facts: Facts): SealedFacts {
  const plain = JSON.stringify({ facts, salt: randomText(16) })
  const nonce = takeRandom(12)
  const cipher = createCipheriv('aes-256-gcm', subjectKey.key, nonce)
  const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { subjectKeyId: subjectKey.id, text: sealed.toString('base64url'), commitment: hash('sha256', plain, 'base64url') }
}
