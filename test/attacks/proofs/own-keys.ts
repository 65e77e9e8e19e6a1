// Proofs that the workload makes itself, with a key that somebody has certified, or that the operator or a DID names.

import { randomUUID, X509Certificate } from 'node:crypto'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { clientAssertionType } from '#core/client/verify-client-assertion.ts'
import { newHolder, signProof } from '#test/core/did/did-world.ts'
import { makeProof, newProofSigner } from '#test/core/dpop/proof-maker.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { issueSelfSigned } from '#test/setup/self-signed.ts'
import { type Place, seconds } from './place.ts'
import type { Proof } from './proof.ts'

const client = (client_id: string) => ({ grant_type: 'client_credentials', client_id })
const uri = 'spiffe://matrix.example/holder'

interface Identity {
  readonly clientId: string
  readonly certificate: IssuedCertificate
}

/** The certificate is all that there is. */
const certificateOnly = (
  name: string,
  enter: (place: Place) => Promise<Identity>,
  how: 'client' | 'subject' = 'client',
): Proof => ({
  name,
  bound: 'x5t#S256',
  async register(place) {
    const own = await enter(place)
    const asSubject = ({ certificatePem }: IssuedCertificate) => ({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:mtls',
      subject_token: new X509Certificate(certificatePem).raw.toString('base64'),
    })
    return {
      clientId: own.clientId,
      make: ({ clientId = own.clientId, certificate = own.certificate } = {}) => ({
        form: how === 'subject' ? { ...asSubject(certificate), client_id: clientId } : client(clientId),
        certificate,
      }),
    }
  },
})

async function certified(place: Place, name: string): Promise<Identity> {
  const trust_source = await place.source('authority', { kind: 'x509_ca', anchors_pem: [place.ca.certificatePem] })
  const clientId = await place.agent(name, [{ trust_source, san_uri: `${uri}/${name}` }])
  return { clientId, certificate: await place.certify(`${uri}/${name}`) }
}

async function pinned(place: Place): Promise<Identity> {
  const certificate = await issueSelfSigned()
  const trust_source = await place.source('pins', { kind: 'pinned' })
  const clientId = await place.agent('laptop', [{ trust_source, certificate_thumbprint: certificate.thumbprint }])
  return { clientId, certificate }
}

async function svid(place: Place): Promise<Identity> {
  const bundle = makeBundle([place.ca])
  const trust_source = await place.source('mesh', { kind: 'spiffe', trust_domain: 'mesh.example', bundle })
  const spiffe_id = 'spiffe://mesh.example/agent'
  return {
    clientId: await place.agent('in the mesh', [{ trust_source, spiffe_id }]),
    certificate: await place.certify(spiffe_id),
  }
}

async function enrolled(place: Place): Promise<Identity> {
  const clientId = await place.agent('enrolled', [])
  const { token } = await place.create(`/v1/agents/${clientId}/join-tokens`, {})
  const request = await makeCertificateRequest()
  const { status, body, text } = await place.broker.https.send(`${place.issuer}/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ csr: request.pem, join_token: token }),
  })
  if (status !== 201) throw new Error(text)
  const certificate = { certificatePem: body.certificate_pem, chainPem: body.chain_pem, keyPem: request.keyPem }
  return { clientId, certificate }
}

const privateKeyJwt: Proof = {
  name: 'private_key_jwt with DPoP',
  bound: 'jkt',
  addressed: true,
  once: true,
  bearerUntilUsed: true,
  async register(place) {
    const [key, dpop] = [newProofSigner(), newProofSigner()]
    const trust_source = await place.source('pins', { kind: 'pinned' })
    const own = await place.agent('service', [{ trust_source, jwk: key.jwk }])
    return {
      clientId: own,
      make: ({ clientId = own, audience = place.issuer, claims = {} } = {}) => {
        const times = { iat: seconds(), exp: seconds() + 60, jti: randomUUID() }
        const said = { iss: clientId, sub: clientId, aud: audience, ...times, ...claims }
        const client_assertion = makeProof(key, said, { typ: 'client-authentication+jwt', jwk: undefined })
        return { form: { ...client(clientId), client_assertion, client_assertion_type: clientAssertionType }, dpop }
      },
    }
  },
}

const did: Proof = {
  name: 'a DID with DPoP by its key',
  bound: 'jkt',
  addressed: true,
  once: true,
  async register(place) {
    const holder = newHolder('ES256')
    const trust_source = await place.source('partners', { kind: 'did', methods: ['did:key'] })
    const clientId = await place.agent('partner', [{ trust_source, did: holder.did }])
    const isOurs = (audience: unknown): audience is string =>
      typeof audience === 'string' && audience.startsWith(place.broker.running.issuer)
    return {
      clientId,
      make: async ({ audience = place.issuer, claims = {} } = {}) => {
        // Whoever is asked to accept it has given the nonce.
        const at = isOurs(audience) ? audience : place.issuer
        const { body } = await place.broker.https.send(`${at}/challenge`, { method: 'POST' })
        const asked = { audience: audience as string, nonce: body.nonce, now: seconds() }
        return {
          form: {
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
            subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
            subject_token: signProof(holder, asked, claims),
          },
          dpop: holder,
        }
      },
    }
  },
}

export const ownKeys: readonly Proof[] = [
  certificateOnly('a certificate as subject token', place => certified(place, 'subject'), 'subject'),
  certificateOnly('client_credentials by a certificate of a CA', place => certified(place, 'client')),
  certificateOnly('client_credentials by a pinned self-signed certificate', pinned),
  certificateOnly('client_credentials by an X.509-SVID', svid),
  { ...certificateOnly('client_credentials by a certificate of the built-in CA', enrolled), enrols: true },
  privateKeyJwt,
  did,
]
