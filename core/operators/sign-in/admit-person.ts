// What every sign-in begins with, in one transaction with what it opens: the provider is held as it was when its token was
// verified, the ID token is used up, the person noted.

import { BrokerError } from '#core/errors/broker-error.ts'
import { newUuid } from '#core/ids/id.ts'
import type { Trx } from '#db/connect.ts'
import { keepPerson, type PersonRow, useIdTokenOnce } from '#db/operators/people.ts'
import { holdSignInProvider, type SignInProviderRow } from '#db/operators/sign-in-providers.ts'
import type { IdToken } from './verify-id-token.ts'

/** Throws `sign_in_refused` for an ID token that was used before or whose provider has changed since. nowMs: the database's clock. */
export async function admitPerson(trx: Trx, provider: SignInProviderRow, idToken: IdToken, nowMs: number): Promise<PersonRow> {
  if (!(await holdSignInProvider(trx, provider.id, provider.updated_at)))
    throw new BrokerError('sign_in_refused', { detail: 'the provider was changed meanwhile' })
  if (!(await useIdTokenOnce(trx, idToken.hash, idToken.untilSeconds)))
    throw new BrokerError('sign_in_refused', { detail: 'the ID token was used before' })
  return keepPerson(trx, {
    id: newUuid(nowMs),
    tenant_id: provider.tenant_id,
    issuer: provider.issuer,
    subject: idToken.subject,
    name: readText(idToken.claims['name'], 200) ?? null,
    email: readText(idToken.claims['email'], 254) ?? null,
  })
}

/** Control, format and direction characters: names are shown to people and written to logs. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** A claim that is to be shown; undefined when it is no text. */
function readText(value: unknown, maxLength: number): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.replace(hidden, '').trim().slice(0, maxLength)
  return text === '' ? undefined : text
}
