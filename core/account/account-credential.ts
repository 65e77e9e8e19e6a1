// The credential of an account that was opened ahead: who gets it is the account's holder, once, with its own key.
//
// Its 32 bytes are the account's id and a MAC over it. So the account is found without an index over secrets, a repeated opening
// hands out the same credential, and nothing is stored but a hash: `account.opener`, where the foreign subject stands that may use
// the account. A key that was named at the opening is hashed in, and then no other key can be its holder's.

import { deriveMac } from '#core/ids/derive-mac.ts'
import { formatUuid } from '#core/ids/id.ts'
import { bytesOfSecret, hashSecret, secretOf } from '#core/ids/secret.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import { hashList } from '#core/subject/subject.ts'

/** RFC 8693 § 3: a token type of ours. */
export const accountCredentialTokenType: 'urn:mayfly:token-type:account-credential' = 'urn:mayfly:token-type:account-credential'

/** Makes credentials of accounts by uuid. secret: at least 32 bytes, the same on every broker of a deployment. */
export function createAccountCredentials(secret: Buffer): (accountId: string) => string {
  const mac = deriveMac(secret, 'mayfly account credential v1')
  return accountId => {
    const id = Buffer.from(accountId.replaceAll('-', ''), 'hex')
    return secretOf('account', Buffer.concat([id, mac(id)]))
  }
}

/** The uuid of the account that a credential says it is for; undefined: it is none. */
export function accountOfCredential(credential: string): string | undefined {
  const bytes = bytesOfSecret('account', credential)
  return bytes && formatUuid(bytes.toString('hex', 0, 16))
}

/** What stands in `account.opener`, hex of SHA-256. key: the only one that its holder may have; undefined: whichever comes first. */
export const openerOfCredential = (credential: string, key: BoundKey | undefined): string =>
  hashList(['account-credential', hashSecret(credential).toString('hex'), ...(key ? [key.kind, key.thumbprint] : [])])

/** Whether the account behind `opener` waits for its holder, who may be the one with this DPoP key: it was opened ahead, for no other key. */
export const awaitsKey = (opener: string, credential: string, thumbprint: string): boolean =>
  opener === openerOfCredential(credential, undefined) || opener === openerOfCredential(credential, { kind: 'jkt', thumbprint })
