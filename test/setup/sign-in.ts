// A broker through which people sign in at the development provider, on real sockets.

import type { Agent } from 'undici'
import { afterAll, beforeAll, expect } from 'vitest'
import { createIdp, type Idp } from '#apps/idp/create-idp.ts'
import { generateIdpKeys } from '#apps/idp/idp-keys.ts'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import type { BrokerInUse } from './use-broker.ts'

export interface SignInAtIdp {
  /** Only while tests run, as the next. */
  readonly idp: Idp
  /** Trusts its certificate. */
  readonly dispatcher: Agent
}

/** Call at the top of a test file, behind `useBroker`. */
export function useSignIn(broker: BrokerInUse): SignInAtIdp {
  let idp: Idp | undefined
  beforeAll(async () => {
    const { ca } = broker.running
    const { chainPem, keyPem } = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now: new Date() })
    idp = createIdp({ keys: await generateIdpKeys(), tls: { cert: chainPem, key: keyPem }, production: false })
    await idp.listen()
    const made = await broker.running.v1('POST', '/v1/sign-in-providers', {
      name: 'development-idp',
      issuer: idp.issuer,
      client_id: 'mayfly-cli',
      scopes: ['openid', 'profile', 'email', 'groups'],
      groups_claim: 'groups',
      rules: [{ group: 'mayfly-admins', role: 'tenant-admin' }],
      ca_pem: ca.certificatePem,
    })
    expect(made.status).toBe(201)
  })
  afterAll(() => idp?.close())
  return {
    get idp() {
      return idp!
    },
    get dispatcher() {
      return broker.https.dispatcher()
    },
  }
}
