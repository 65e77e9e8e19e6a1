// An agent that proves a DPoP key, by hand: proofs that are right unless a test says otherwise.

import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { makeProof, newProofSigner, type ProofSigner } from '#test/core/dpop/proof-maker.ts'
import { goodClaims, signAsIssuer } from '#test/setup/forged-jwt.ts'
import type { Answer } from '#test/setup/registration.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

type Json = Record<string, unknown>

export const seconds = (): number => Math.floor(Date.now() / 1000)

export class DpopAgent {
  readonly signer: ProofSigner = newProofSigner()
  readonly #broker: BrokerInUse

  constructor(broker: BrokerInUse) {
    this.#broker = broker
  }

  jkt(): Promise<string> {
    return calculateJwkThumbprint(this.signer.jwk as never)
  }

  /** Of a proof for the token endpoint. */
  claims(change: Json = {}): Json {
    return { jti: randomUUID(), htm: 'POST', htu: `${this.#broker.running.issuer}/token`, iat: seconds(), ...change }
  }

  proof(change: Json = {}, header: Json = {}): string {
    return makeProof(this.signer, this.claims(change), header)
  }

  /** With a nonce that was just issued. */
  async goodProof(change: Json = {}, header: Json = {}): Promise<string> {
    const { headers } = await this.ask(this.proof(), { subject_token: this.#broker.running.mint() })
    return this.proof({ nonce: headers['dpop-nonce'], ...change }, header)
  }

  /** The pop agent's workload token, bound to this key. */
  async subjectToken(change: Json = {}): Promise<string> {
    const { running } = this.#broker
    return signAsIssuer(running.idp.keys, goodClaims(running, { cnf: { jkt: await this.jkt() }, ...change }))
  }

  async ask(proof: string, form: Record<string, string> = {}): Promise<Answer> {
    const { running } = this.#broker
    const subject_token = form['subject_token'] ?? (await this.subjectToken())
    return running.token(running.form({ ...form, subject_token }), undefined, { dpop: proof })
  }
}
