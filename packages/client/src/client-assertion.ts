// private_key_jwt (RFC 7523 § 2.2): the client shows at the token endpoint that it holds a key that its registration names.

import { randomUUID } from 'node:crypto'
import { SigningKey, type SigningKeyOptions } from './signing-key.ts'

/** The client's registration and key. */
export interface ClientAssertionOptions extends SigningKeyOptions {
  /** The agent, `agt_…`. */
  readonly clientId: string
  /** The key's id, where the registration gives it one. */
  readonly kid?: string
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const lifeSeconds = 60

/** Makes assertions for one issuer. */
export class ClientAssertions {
  readonly #options: ClientAssertionOptions
  readonly #key: SigningKey
  readonly #issuer: string

  constructor(options: ClientAssertionOptions, issuer: string) {
    this.#options = options
    this.#key = new SigningKey(options, 'clientAssertion')
    this.#issuer = issuer
  }

  /**
   * Form members of one request. Each assertion is good once. Its only audience is the issuer (7523bis): one for the endpoint's
   * address could be made for an endpoint that a hostile server named.
   */
  newMembers(): Readonly<Record<string, string>> {
    const { clientId, kid } = this.#options
    const iat = Math.floor(Date.now() / 1000)
    const header = { typ: 'client-authentication+jwt', ...(kid === undefined ? {} : { kid }) }
    const claims = { iss: clientId, sub: clientId, aud: this.#issuer, jti: randomUUID(), iat, exp: iat + lifeSeconds }
    return { client_id: clientId, client_assertion_type: assertionType, client_assertion: this.#key.sign(header, claims) }
  }
}
