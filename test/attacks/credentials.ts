// One of each kind of credential that Mayfly gives or takes, and of each JWT of our own: each good somewhere, so that nothing is
// refused for being bad.

import { randomUUID, X509Certificate } from 'node:crypto'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { newUuid } from '#core/ids/id.ts'
import { hashSecret, newSecret } from '#core/ids/secret.ts'
import { insertCredential } from '#db/registry/credentials.ts'
import { newHolder, signProof } from '#test/core/did/did-world.ts'
import { makeProof, newProofSigner } from '#test/core/dpop/proof-maker.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { signAsIssuer } from '#test/setup/forged-jwt.ts'
import { onceResourceUri, subjectAudience } from '#test/setup/running-broker.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

export const credentialNames = [
  'a workload token',
  'a JWT-SVID',
  'an ID-JAG for us',
  'an ID token',
  'an ID token for another client',
  'a logout token',
  'an access token of the issuer',
  'a DID proof',
  'a DPoP proof',
  'a client assertion',
  'a client certificate',
  'an enrolled certificate',
  'a task token',
  'a task token for one use',
  'an ID-JAG of ours',
  'an operator token',
  'a session token',
  'a bootstrap token',
  'a resource secret',
  'a claim secret',
  'a join token',
  'an account credential',
  'a receiver secret',
  'a security event token',
] as const
export type CredentialName = (typeof credentialNames)[number]

export interface Credentials {
  /** Made anew, so that none is found used up. */
  readonly make: Readonly<Record<CredentialName, () => string | Promise<string>>>
  /** The certificates among them, with their keys, by their text. */
  readonly certificates: ReadonlyMap<string, IssuedCertificate>
  readonly client: string
  readonly signInProvider: string
  /** The DPoP header of a good proof by the DID's own key. */
  didDpop(): Promise<string>
}

const clientId = 'mayfly-cli'
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
export const now = (): number => Math.floor(Date.now() / 1000)
const textOf = ({ certificatePem }: IssuedCertificate): string => new X509Certificate(certificatePem).raw.toString('base64')

/** Registers what each needs. */
export async function createCredentials(broker: BrokerInUse): Promise<Credentials> {
  const { running } = broker
  const { issuer, ids, idp } = running
  const create = async (path: string, body: object): Promise<{ id: string; token: string; account_credential: string }> => {
    const answer = await running.v1('POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }
  const key = newProofSigner()
  const holder = newHolder('ES256')
  const ca_pem = running.ca.certificatePem
  const jwtKeys = [{ ...key.jwk, kid: 'svid' }]
  const sources = {
    pinned: await create('/v1/trust-sources', { kind: 'pinned', name: 'pins' }),
    did: await create('/v1/trust-sources', { kind: 'did', name: 'partners', methods: ['did:key'] }),
    spiffe: await create('/v1/trust-sources', {
      kind: 'spiffe',
      name: 'mesh',
      trust_domain: 'mesh.example',
      bundle: makeBundle([], { jwtKeys }),
    }),
    users: await create('/v1/trust-sources', {
      kind: 'openid',
      name: 'company',
      issuer: idp.issuer,
      audience: issuer,
      jwks_uri: `${idp.issuer}/jwks`,
      ca_pem,
      id_jag: true,
    }),
  }
  const agent = (name: string, rule: object, settings: object = {}) =>
    create('/v1/agents', {
      name,
      owner: 'team',
      review_on: '2099-01-01',
      ceiling: { scope: 'orders:read' },
      rules: [rule],
      settings,
    })
  const client = await agent('client', { trust_source: sources.pinned.id, jwk: key.jwk }, { binding: 'bearer' })
  await agent('partner', { trust_source: sources.did.id, did: holder.did })
  const spiffe_id = 'spiffe://mesh.example/job'
  await agent('job', { trust_source: sources.spiffe.id, spiffe_id }, { binding: 'bearer', may_enroll: true })
  await changeRegistration(running, `/v1/agents/${ids.bearerAgent}`, ({ settings }) => ({
    settings: { ...settings, may_enroll: true },
  }))
  await changeRegistration(running, `/v1/agents/${ids.agent}`, ({ rules }) => ({
    rules: [...rules, { trust_source: sources.users.id, claims: { iss: idp.issuer } }],
  }))
  const partner = 'https://api.partner.example/v1'
  await create('/v1/resources', {
    uri: partner,
    name: 'Partner',
    scopes: [{ name: 'orders:read', description: 'Read orders' }],
    details_types: [],
    enforces: ['cnf'],
    authorization_server: { issuer: 'https://as.partner.example' },
  })
  const provider = await create('/v1/sign-in-providers', {
    name: 'login',
    issuer: idp.issuer,
    client_id: clientId,
    groups_claim: 'groups',
    rules: [{ group: 'admins', role: 'tenant-admin' }],
    ca_pem,
  })

  // Somebody who would get in by a token of the right kind.
  const byIssuer = (claims: Record<string, unknown>, typ = 'JWT') =>
    signAsIssuer(
      idp.keys,
      { iss: idp.issuer, sub: 'bearer-workload', jti: randomUUID(), iat: now(), exp: now() + 120, ...claims },
      { typ },
    )
  const byOwnKey = (claims: Record<string, unknown>, header: Record<string, unknown>) =>
    makeProof(key, { iat: now(), exp: now() + 120, jti: randomUUID(), ...claims }, { jwk: undefined, ...header })
  const idToken = () => byIssuer({ aud: clientId, groups: ['admins'] })
  const post = (path: string, body: object) =>
    broker.https.send(`${issuer}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const taskToken = async (changes: Record<string, string> = {}) =>
    (await running.token(running.form({ task_id: randomUUID(), ...changes }), running.certificate)).body
  const joinToken = async () => (await create(`/v1/agents/${ids.agent}/join-tokens`, {})).token
  const proof = (signer: Parameters<typeof makeProof>[0], nonce?: unknown) =>
    makeProof(signer, { htm: 'POST', htu: `${issuer}/token`, iat: now(), jti: randomUUID(), nonce })
  const dpop = async (signer: Parameters<typeof makeProof>[0]) => {
    const form = running.form({ subject_token: running.mint({ sub: 'bearer-workload' }) })
    const { headers } = await running.token(form, undefined, { dpop: proof(signer) })
    return proof(signer, headers['dpop-nonce'])
  }
  const certificates = new Map([[textOf(running.certificate), running.certificate]])
  const enrol = async (): Promise<string> => {
    const request = await makeCertificateRequest()
    const { body } = await post('/enroll', { csr: request.pem, join_token: await joinToken() })
    const made = { certificatePem: body.certificate_pem, chainPem: body.chain_pem, keyPem: request.keyPem }
    certificates.set(textOf(made), made)
    return textOf(made)
  }
  const enrolled = await enrol()
  const bootstrap = await insertBootstrapToken(broker)
  const receiver = (await create('/v1/receivers', { name: 'siem' })).token
  const set = await securityEvent(broker, receiver)
  const jag = { requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag', audience: 'https://as.partner.example' }

  return {
    certificates,
    client: client.id,
    signInProvider: provider.id,
    didDpop: () => dpop(holder),
    make: {
      'a workload token': () => running.mint({ sub: 'bearer-workload', runId: randomUUID() }),
      'a JWT-SVID': () => byOwnKey({ sub: spiffe_id, aud: issuer }, { typ: 'JWT', kid: 'svid' }),
      'an ID-JAG for us': () => byIssuer({ aud: issuer, client_id: ids.agent }, 'oauth-id-jag+jwt'),
      'an ID token': idToken,
      'an ID token for another client': () => byIssuer({ aud: 'another-app', groups: ['admins'] }),
      'a logout token': () => byIssuer({ aud: subjectAudience, run_id: 'x', events: { [logoutEvent]: {} } }),
      'an access token of the issuer': () => byIssuer({ aud: subjectAudience, run_id: 'x' }, 'at+jwt'),
      'a DID proof': async () => {
        const { body } = await broker.https.send(`${issuer}/challenge`, { method: 'POST' })
        return signProof(holder, { audience: issuer, nonce: body.nonce, now: now() })
      },
      'a DPoP proof': () => dpop(newProofSigner()),
      'a client assertion': () => byOwnKey({ iss: client.id, sub: client.id, aud: issuer }, { typ: 'client-authentication+jwt' }),
      'a client certificate': () => textOf(running.certificate),
      'an enrolled certificate': () => enrolled,
      'a task token': async () => (await taskToken()).access_token,
      'a task token for one use': async () => (await taskToken({ resource: onceResourceUri })).access_token,
      'an ID-JAG of ours': async () => (await taskToken({ resource: partner, ...jag })).access_token,
      'an operator token': () => running.operatorToken,
      'a session token': async () => (await post('/v1/sessions', { provider: provider.id, id_token: idToken() })).body.token,
      'a bootstrap token': () => bootstrap,
      'a resource secret': () => running.resourceSecrets.once,
      'a claim secret': async () => (await taskToken()).claim_uri.split('#')[1],
      'a join token': joinToken,
      'an account credential': async () => (await create('/v1/accounts', { agent: ids.agent })).account_credential,
      'a receiver secret': () => receiver,
      'a security event token': () => set,
    },
  }
}

/** A SET of ours, as a receiver gets it. */
async function securityEvent({ https, running }: BrokerInUse, token: string): Promise<string> {
  const post = (path: string, body: object) =>
    https.send(`${running.issuer}/ssf${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
  const { stream_id } = (await post('/streams', {})).body
  await post('/verify', { stream_id })
  const { sets } = (await post(`/poll/${stream_id}`, {})).body
  return Object.values<string>(sets)[0]!
}

/** One that is live, though there are operators: no broker makes such a one. */
async function insertBootstrapToken({ database }: BrokerInUse): Promise<string> {
  const secret = newSecret('bootstrap')
  await database.database.db
    .forTenant(null)
    .transaction()
    .execute(trx =>
      insertCredential(trx, {
        id: newUuid(Date.now()),
        kind: 'bootstrap',
        tenant_id: null,
        resource_id: null,
        role: null,
        name: 'bootstrap',
        secret_hash: hashSecret(secret),
        expires_at: new Date(Date.now() + 3_600_000),
      }),
    )
  return secret
}

/** The part of a credential that nobody may ever read again: a signature, or the secret itself. */
export function secretOf(credential: string): string {
  if (/^mf[a-z]_/.test(credential)) return credential.slice(4, 47)
  return credential.startsWith('ey') ? credential.slice(credential.lastIndexOf('.') + 1) : credential.slice(80, 160)
}
