// A tenant in which proofs are registered. Two of them choose the same names for everything, as a hostile tenant would, and have
// nothing else in common: authorities, issuers' keys and registered keys are each one's own.

import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
} from '#apps/standalone/dev-ca.ts'
import type { Publisher } from '#test/setup/publisher.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

export interface Place {
  readonly broker: BrokerInUse
  readonly issuer: string
  readonly mtlsUrl: string
  readonly resource: string
  readonly ca: CertificateAuthority
  /** The public half of the key that all issuers of this place sign with. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** POSTs under /v1 as its admin; gives the answer's body. */
  create(path: string, body: object): Promise<{ readonly id: string; readonly token: string }>
  /** The id of its trust source with this name, made at first need. */
  source(name: string, body: object): Promise<string>
  /** An OpenID issuer: the URL is the same in every place, the key that is published for it is the place's own. */
  openid(name: string, more?: object): Promise<{ readonly id: string; readonly issuer: string }>
  /** The client_id of a new agent with a ceiling of `orders:read` and `GET /orders/{id}`. */
  agent(name: string, rules: object[], settings?: object): Promise<string>
  sign(claims: Readonly<Record<string, unknown>>, header?: object): Promise<string>
  /** By its CA. */
  certify(uri: string): Promise<IssuedCertificate>
  /** A certificate of an authority that this tenant trusts too, but for nothing that is registered here. */
  certifyByOther(uri: string): Promise<IssuedCertificate>
}

export interface PlaceInput {
  readonly issuer: string
  readonly token: string
  readonly resource: string
  readonly publisher: Publisher
}

export const seconds = (): number => Math.floor(Date.now() / 1000)

export async function createPlace(broker: BrokerInUse, { issuer, token, resource, publisher }: PlaceInput): Promise<Place> {
  const { running } = broker
  const ca = await createDevCa({ now: new Date(), commonName: 'Matrix' })
  const otherCa = await createDevCa({ now: new Date(), commonName: 'Matrix' })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'matrix', alg: 'ES256' }
  const jwksPath = `/jwks/${randomUUID()}`
  publisher.documents.set(jwksPath, JSON.stringify({ keys: [{ ...jwk, use: 'sig' }] }))
  const create: Place['create'] = async (path, body) => {
    const answer = await running.v1('POST', path, body, token)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const sources = new Map<string, Promise<string>>()
  const source: Place['source'] = (name, body) => {
    const made = sources.get(name) ?? create('/v1/trust-sources', { name, ...body }).then(({ id }) => id)
    sources.set(name, made)
    return made
  }
  const ceiling = {
    scope: 'orders:read',
    authorization_details: [{ type: 'agent_http', locations: [resource], methods: ['GET'], uri_template: '/orders/{id}' }],
  }
  return {
    broker,
    issuer,
    mtlsUrl: issuer.replace(running.config.publicUrl, running.config.mtlsUrl),
    resource,
    ca,
    jwk,
    create,
    source,
    async openid(name, more = {}) {
      const of = `${publisher.url}/${name}`
      const keys = { jwks_uri: `${publisher.url}${jwksPath}`, ca_pem: running.ca.certificatePem, algorithms: ['ES256'] }
      return { id: await source(name, { kind: 'openid', issuer: of, audience: issuer, ...keys, ...more }), issuer: of }
    },
    agent: async (name, rules, settings = {}) =>
      (await create('/v1/agents', { name, owner: 'team', review_on: '2099-01-01', ceiling, rules, settings })).id,
    sign: (claims, header = {}) =>
      new SignJWT({ jti: randomUUID(), iat: seconds(), exp: seconds() + 120, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'matrix', ...header })
        .sign(privateKey),
    certify: uri => issueClientCertificate(ca, { now: new Date(), uris: [uri] }),
    async certifyByOther(uri) {
      await source('other authority', { kind: 'x509_ca', anchors_pem: [otherCa.certificatePem] })
      return issueClientCertificate(otherCa, { now: new Date(), uris: [uri] })
    },
  }
}
