// Accounts that an operator opens ahead, and their holders.

import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { formBody, formHeaders } from './https-client.ts'
import { type Answer, resourceUri } from './registration.ts'
import type { BrokerInUse } from './use-broker.ts'

export interface AccountsAhead {
  /** POST /v1/accounts for the pop agent. */
  open(body?: Record<string, unknown>, sent?: { readonly token?: string; readonly idempotencyKey?: string }): Promise<Answer>
  /** POST /token with an account credential; with a certificate on the mTLS port. */
  token(credential: string, certificate?: IssuedCertificate, changes?: Record<string, string>): Promise<Answer>
  /** POST /introspect with a resource's credential. */
  introspect(token: string, secret?: string): Promise<Answer>
}

export function useAccountsAhead(broker: BrokerInUse): AccountsAhead {
  return {
    open(body = {}, { token, idempotencyKey } = {}) {
      const { running } = broker
      return broker.https.send(`${running.issuer}/v1/accounts`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token ?? running.operatorToken}`,
          'content-type': 'application/json',
          ...(idempotencyKey !== undefined && { 'idempotency-key': `"${idempotencyKey}"` }),
        },
        body: JSON.stringify({ agent: running.ids.agent, ...body }),
      })
    },
    async token(credential, certificate, changes = {}) {
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: credential,
        subject_token_type: accountCredentialTokenType,
        resource: resourceUri,
        scope: 'orders:read',
        ...changes,
      }
      // A machine that is busy with other tests may say 503, which says nothing about the credential.
      for (let tries = 1; ; tries += 1) {
        const answer = await broker.running.token(form, certificate)
        if (answer.status !== 503 || tries === 10) return answer
      }
    },
    introspect(token, secret = broker.running.resourceSecrets.pop) {
      return broker.https.send(`${broker.running.issuer}/introspect`, {
        method: 'POST',
        headers: { ...formHeaders, authorization: `Bearer ${secret}` },
        body: formBody({ token }),
      })
    },
  }
}
