// What the matrix knows of a proof, and how a proof is presented. Proofs stand in lists beside this file; a new one is one more
// entry.

import { randomUUID } from 'node:crypto'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { jwkThumbprint } from '#core/jwt/jwk-thumbprint.ts'
import { makeProof, type ProofSigner } from '#test/core/dpop/proof-maker.ts'
import { formBody, formHeaders, type HttpsClient } from '#test/setup/https-client.ts'
import { thumbprintOf } from '#test/setup/openssl-like-certificate.ts'
import type { Answer } from '#test/setup/registration.ts'
import type { Place } from './place.ts'

/** A credential with the keys that its owner holds. */
export interface Presented {
  readonly form: Readonly<Record<string, string>>
  readonly certificate?: IssuedCertificate
  readonly dpop?: ProofSigner
}

/** What a credential says that is not of its maker's making. */
export interface Told {
  /** Whom it is for; the standard is the tenant that registered it. */
  readonly audience?: string | readonly string[]
  /** Who it is, where it names a client; the standard is the agent that registered it. */
  readonly clientId?: string
  /** Another certificate with the names of its own, where it is one. */
  readonly certificate?: IssuedCertificate
  /** More claims, where it has any. */
  readonly claims?: Readonly<Record<string, unknown>>
}

export interface Registered {
  readonly clientId: string
  /** A new credential, good at the tenant that registered it unless told otherwise. */
  make(told?: Told): Presented | Promise<Presented>
}

export interface Proof {
  readonly name: string
  /** What the token is bound to; undefined: the agent is registered as bearer and brings no key. */
  readonly bound: 'x5t#S256' | 'jkt' | undefined
  /** It says whom it is for. */
  readonly addressed?: boolean
  /** Good for one use. */
  readonly once?: boolean
  /** It enrols, too: a certificate that is renewed by itself. */
  readonly enrols?: boolean
  /** Whoever takes it before its owner has used it can use it with a key of his own: it names no key. */
  readonly bearerUntilUsed?: boolean
  /** Registers an agent that comes by this proof: the same names in every tenant, under anchors, issuers and keys of its own. */
  register(place: Place): Promise<Registered>
}

/** The confirmation that a token for this presenter must hold. RFC 7800. */
export function expectedCnf({ bound }: Proof, { certificate, dpop }: Presented): unknown {
  if (bound === 'jkt') return { jkt: jwkThumbprint(dpop!.jwk) }
  return bound && { 'x5t#S256': thumbprintOf(certificate!) }
}

const seconds = (): number => Math.floor(Date.now() / 1000)

/** Asks for a token at a tenant; where a DPoP proof is sent back for its nonce, it comes again. */
export async function present(
  https: HttpsClient,
  place: Place,
  presented: Presented,
  form: Readonly<Record<string, string | undefined>> = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { certificate, dpop } = presented
  const asked = { resource: place.resource, scope: 'orders:read', task_id: randomUUID(), ...presented.form, ...form }
  const sent = Object.fromEntries(Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const send = (more: Record<string, string> = {}): Promise<Answer> =>
    https.send(`${certificate ? place.mtlsUrl : place.issuer}/token`, {
      method: 'POST',
      headers: { ...formHeaders, ...headers, ...more },
      body: formBody(sent),
      certificate,
    })
  if (!dpop) return send()
  const claims = () => ({ jti: randomUUID(), htm: 'POST', htu: `${place.issuer}/token`, iat: seconds() })
  const first = await send({ dpop: makeProof(dpop, claims()) })
  if (first.body?.error !== 'use_dpop_nonce') return first
  return send({ dpop: makeProof(dpop, { ...claims(), nonce: first.headers['dpop-nonce'] }) })
}
