// Attacks across the border between tenants.

import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import {
  backdateMs,
  type CertificateAuthority,
  caExtensions,
  createDevCa,
  distinguishedName,
  type IssuedCertificate,
  issueClientCertificate,
  keyToPem,
  newKeys,
  newSerialNumber,
  toPem,
} from '#apps/standalone/dev-ca.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { agentUri, resourceUri, subjectAudience } from '#test/setup/running-broker.ts'
import { createOtherTenant, type OtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let b: OtherTenant
beforeAll(async () => {
  b = await createOtherTenant(broker.running, 'b')
})

const exchange = (certificate: IssuedCertificate, changes: Record<string, string | undefined> = {}) =>
  broker.running.token(broker.running.form({ task_id: randomUUID(), ...changes }), certificate)
const exchangeAtB = (form: Record<string, string>, certificate?: IssuedCertificate) =>
  broker.https.send(`${broker.running.config.mtlsUrl}/t/b/token`, {
    method: 'POST',
    headers: formHeaders,
    body: formBody(form),
    certificate,
  })

/**
 * A CA that looks like another one: the same name and, if wanted, the same subject key identifier. Made anew until its PEM
 * sorts first, because the listener's list is sorted and OpenSSL tries the first of two that look alike.
 */
async function imitate(ca: CertificateAuthority, sameKeyId: boolean): Promise<CertificateAuthority> {
  const keys = await newKeys()
  const original = ca.certificate.getExtension(x509.SubjectKeyIdentifierExtension)!
  for (let i = 0; i < 5_000; i++) {
    const identifier = sameKeyId ? original : await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: `40${'0'.repeat(14)}${newSerialNumber().slice(16)}`,
      name: distinguishedName(/CN=([^,]+)/.exec(ca.certificate.subject)![1]!),
      notBefore: new Date(Date.now() - backdateMs),
      notAfter: ca.certificate.notAfter,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [...caExtensions(0), identifier, new x509.AuthorityKeyIdentifierExtension(identifier.keyId)],
    })
    expect(certificate.subject).toBe(ca.certificate.subject)
    const certificatePem = toPem(certificate)
    if (certificatePem < ca.certificatePem)
      return { certificatePem, keyPem: await keyToPem(keys.privateKey), certificate, key: keys.privateKey }
  }
  throw new Error('no certificate sorted before the original')
}

/** A client certificate from it with A's agent's name; its authority key identifier is what the CA says its own is. */
async function forge(ca: CertificateAuthority): Promise<IssuedCertificate> {
  const keys = await newKeys()
  const keyId = ca.certificate.getExtension(x509.SubjectKeyIdentifierExtension)!.keyId
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: distinguishedName('workload'),
    issuer: ca.certificate.subjectName,
    notBefore: new Date(Date.now() - backdateMs),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: agentUri }]),
      new x509.AuthorityKeyIdentifierExtension(keyId),
    ],
  })
  const certificatePem = toPem(certificate)
  return { certificatePem, chainPem: certificatePem, keyPem: await keyToPem(keys.privateKey) }
}

const asSubject = (certificate: IssuedCertificate) => ({
  subject_token: new x509.X509Certificate(certificate.certificatePem).toString('base64'),
  subject_token_type: 'urn:ietf:params:oauth:token-type:mtls',
})

describe('31: tenant B’s CA cannot speak for tenant A’s workloads', () => {
  const variants: [string, () => Promise<CertificateAuthority>][] = [
    ['of another name', () => createDevCa({ now: new Date(), commonName: 'B' })],
    ['of the same name', () => imitate(broker.running.ca, false)],
    ['of the same name and key identifier', () => imitate(broker.running.ca, true)],
  ]
  test.each(variants)('a CA %s', async (_what, make) => {
    const { running } = broker
    const ca = await make()
    const source = await b.register('/v1/trust-sources', {
      kind: 'x509_ca',
      name: randomUUID(),
      anchors_pem: [ca.certificatePem],
    })
    const forged = await forge(ca)
    // At B itself the certificate counts, as soon as the broker has heard of the registration.
    const uri = `https://b.example/${randomUUID()}`
    const api = { scopes: [{ name: 'orders:read', description: 'x' }], enforces: ['cnf'], proof: 'any' }
    await b.register('/v1/resources', { uri, name: uri, ...api })
    const agent = await b.register('/v1/agents', {
      name: randomUUID(),
      owner: 'b@test.example',
      review_on: '2099-01-01',
      ceiling: { scope: 'orders:read' },
      rules: [{ trust_source: source, san_uri: agentUri }],
    })
    const form = () => ({ ...running.form({ resource: uri, task_id: randomUUID() }), ...asSubject(forged) })
    await vi.waitFor(async () => expect(await exchangeAtB(form(), forged)).toMatchObject({ status: 200 }), { timeout: 5_000 })
    // At A it is nobody: with A's workload token, and as subject token itself.
    for (const changes of [{}, asSubject(forged)]) {
      const answer = await exchange(forged, changes)
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client'])
    }
    // And A's own workloads are served as before, on new connections.
    for (let i = 0; i < 5; i++) {
      const honest = await issueClientCertificate(running.ca, { uris: [agentUri], now: new Date() })
      expect(await exchange(honest)).toMatchObject({ status: 200 })
    }
    await running.v1('DELETE', `/v1/agents/${agent}`, undefined, b.token)
    expect((await running.v1('DELETE', `/v1/trust-sources/${source}`, undefined, b.token)).status).toBe(204)
  })
})

describe('34: nothing is registered or recognised in two tenants', () => {
  test('B cannot register A’s resource, nor A’s issuer with A’s audience', async () => {
    const { running } = broker
    const api = { name: 'theirs', scopes: [{ name: 'orders:read', description: 'x' }], enforces: ['cnf'], proof: 'any' }
    const resource = await running.v1('POST', '/v1/resources', { uri: resourceUri, ...api }, b.token)
    expect(resource.status).toBe(409)
    const source = {
      kind: 'openid',
      name: 'theirs',
      issuer: running.idp.issuer,
      audience: subjectAudience,
      ca_pem: running.ca.certificatePem,
    }
    expect((await running.v1('POST', '/v1/trust-sources', source, b.token)).status).toBe(409)
  })

  test('a subject token that would match agents of both is refused at the tenant that it is not addressed to', async () => {
    const { running } = broker
    const source = await b.register('/v1/trust-sources', {
      kind: 'openid',
      name: 'same issuer, own audience',
      issuer: running.idp.issuer,
      audience: 'for-b',
      jwks_uri: `${running.idp.issuer}/jwks`,
      ca_pem: running.ca.certificatePem,
    })
    const uri = 'https://b.example/own'
    const api = { name: 'own', scopes: [{ name: 'orders:read', description: 'x' }], enforces: ['cnf'], proof: 'any' }
    await b.register('/v1/resources', { uri, ...api })
    await b.register('/v1/agents', {
      name: 'same workload',
      owner: 'b@test.example',
      review_on: '2099-01-01',
      ceiling: { scope: 'orders:read' },
      rules: [{ trust_source: source, claims: { sub: 'workload' } }],
      settings: { binding: 'bearer' },
    })
    const atB = (aud: string | string[]) =>
      exchangeAtB(running.form({ resource: uri, task_id: randomUUID(), subject_token: running.mint({ aud }) }))
    await vi.waitFor(async () => expect((await atB('for-b')).status).toBe(200), { timeout: 5_000 })
    for (const aud of [subjectAudience, [subjectAudience, 'for-b']]) {
      const answer = await atB(aud)
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    }
    for (const aud of ['for-b', [subjectAudience, 'for-b']])
      expect((await exchange(running.certificate, { subject_token: running.mint({ aud }) })).status).toBe(400)
  })

  test('a subject token that matches two agents of one tenant is refused', async () => {
    const { running } = broker
    const { body: view } = await running.v1('GET', `/v1/agents/${running.ids.agent}`)
    const { owner, review_on, ceiling } = view
    const rules = [{ trust_source: running.ids.openid, claims: { sub: '*', run_id: 'twin' } }]
    const made = await running.v1('POST', '/v1/agents', { name: 'twin', owner, review_on, ceiling, rules })
    expect(made.status).toBe(400)
    const exact = [{ trust_source: running.ids.openid, claims: { sub: 'workload', run_id: 'twin' } }]
    expect((await running.v1('POST', '/v1/agents', { name: 'twin', owner, review_on, ceiling, rules: exact })).status).toBe(201)
    await vi.waitFor(async () => {
      const answer = await exchange(running.certificate, { subject_token: running.mint({ runId: 'twin' }) })
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    })
    expect((await exchange(running.certificate, { subject_token: running.mint({ runId: 'single' }) })).status).toBe(200)
  })

  test('B’s token endpoint grants nothing of A’s: resource, account, credential', async () => {
    const { running } = broker
    const mine = await exchange(running.certificate)
    const form = running.form({ subject_token: running.mint({ aud: 'for-b' }) })
    const target = await exchangeAtB({ ...form, task_id: randomUUID() })
    expect([target.status, target.body.error]).toEqual([400, 'invalid_target'])
    const account = await exchangeAtB({ ...form, resource: 'https://b.example/own', account_id: mine.body.account_id })
    expect([account.status, account.body.error]).toEqual([400, 'access_denied'])
    for (const path of ['/t/b/consume', '/t/b/v1/decisions']) {
      const answer = await broker.https.send(`${running.issuer}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${running.resourceSecrets.once}`, 'content-type': 'application/json' },
        body: '{}',
      })
      expect(answer.status).toBe(403)
    }
  })
})
