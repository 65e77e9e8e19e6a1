// From a join token, or a token of the platform, to a certificate, to task tokens, and on: on real sockets.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { trustDomainOf } from '#core/enrolment/trust-domain.ts'
import { makeCertificateRequest, newRequestKeys, uriNames } from '#test/setup/certificate-requests.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { asCertificate, useEnrolment } from '#test/setup/enrolment.ts'
import { logSize, readLog } from '#test/setup/log-reader.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const { joinToken, enrol, enrolled } = useEnrolment(broker)
const hourMs = 3_600_000
const thumbprint = (pem: string): string =>
  Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
const clientForm = (task_id: string) => ({
  grant_type: 'client_credentials',
  resource: resourceUri,
  scope: 'orders:read',
  task_id,
})
const mayEnrol = (may_enroll: boolean) =>
  changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ settings }) => ({
    settings: { ...settings, may_enroll },
  }))
const entriesOf = async (from: number, type: string) =>
  (await readLog(broker.database.admin, from)).filter(({ leaf }) => leaf.type === type)

test('join token → certificate → task token → renewed certificate → task token in the same account', async () => {
  const { id, token } = await joinToken({ note: 'build server' })
  const request = await makeCertificateRequest()
  const first = await enrol({ csr: request.pem, join_token: token, instance: 'build-7' })
  expect(first.status, first.text).toBe(201)
  const certificate = asCertificate(first, request)
  const issued = await broker.running.token(clientForm('story'), certificate)
  expect(issued.status, issued.text).toBe(200)
  expect(decodeJwt(issued.body.access_token)).toMatchObject({
    client_id: broker.running.ids.agent,
    cnf: { 'x5t#S256': thumbprint(certificate.certificatePem) },
  })

  const next = await makeCertificateRequest()
  const second = await enrol({ csr: next.pem }, certificate)
  expect(second.status, second.text).toBe(201)
  expect(second.body.spiffe_id).toBe(first.body.spiffe_id)
  const renewed = asCertificate(second, next)
  expect(thumbprint(renewed.certificatePem)).not.toBe(thumbprint(certificate.certificatePem))
  const again = await broker.running.token(clientForm('story'), renewed)
  expect(again.status, again.text).toBe(200)
  expect(again.body.account_id).toBe(issued.body.account_id)
  expect(decodeJwt(again.body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(renewed.certificatePem) })

  const { body: list } = await broker.running.v1('GET', `/v1/agents/${broker.running.ids.agent}/join-tokens`)
  const shown = list.items.find((item: { id: string }) => item.id === id)
  expect(shown).toMatchObject({ note: 'build server' })
  expect(Math.abs(Date.parse(shown.instance.not_after) - Date.parse(second.body.not_after))).toBeLessThan(1_000)
  expect(first.body.spiffe_id.endsWith(`/${shown.instance.name}`)).toBe(true)
})

test('the answer says all that a workload needs, and the certificate no more than it must', async () => {
  const before = Date.now()
  const { answer } = await enrolled()
  const { body, headers } = answer
  expect(headers['cache-control']).toBe('no-store')
  const trustDomain = trustDomainOf(broker.running.issuer, 'test')
  expect(body.spiffe_id).toMatch(new RegExp(`^spiffe://${trustDomain}/agent/${broker.running.ids.agent}/[0-9a-f]{32}$`))
  expect(body.agent).toBe(broker.running.ids.agent)
  const certificate = new x509.X509Certificate(body.certificate_pem)
  expect(certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON()).toEqual([
    { type: 'url', value: body.spiffe_id },
  ])
  expect(certificate.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: false, critical: true })
  expect(certificate.getExtension(x509.KeyUsagesExtension)?.usages).toBe(x509.KeyUsageFlags.digitalSignature)
  expect(certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([x509.ExtendedKeyUsage.clientAuth])
  const [notAfter, renewAfter] = [Date.parse(body.not_after), Date.parse(body.renew_after)]
  expect(notAfter).toBe(certificate.notAfter.getTime())
  expect(Math.abs(notAfter - before - hourMs)).toBeLessThan(10_000)
  expect(Math.abs(renewAfter - before - hourMs / 2)).toBeLessThan(10_000)
  const anchor = new X509Certificate(body.ca_pem)
  expect(new X509Certificate(body.certificate_pem).verify(anchor.publicKey)).toBe(true)
})

test('each enrolment is another instance: it cannot use the account of its neighbour', async () => {
  const [one, other] = [await enrolled(), await enrolled()]
  expect(one.answer.body.spiffe_id).not.toBe(other.answer.body.spiffe_id)
  expect((await broker.running.token(clientForm('neighbours'), one.certificate)).status).toBe(200)
  const refused = await broker.running.token(clientForm('neighbours'), other.certificate)
  expect(refused).toMatchObject({ status: 400, body: { error: 'access_denied' } })
})

test('an issuance stands in the log with its certificate, its proof and its CA key, and names nobody', async () => {
  const from = await logSize(broker.database.admin)
  const { answer } = await enrolled({ instance: 'anna-laptop' })
  const [entry, ...more] = await entriesOf(from, 'certificate.issued')
  expect(more).toEqual([])
  expect(entry!.leaf.agent).toBeDefined()
  expect(entry!.body).toMatchObject({
    by: 'join_token',
    thumbprint: thumbprint(answer.body.certificate_pem),
    not_after: Date.parse(answer.body.not_after) / 1000,
  })
  expect(entry!.body.join_token).toMatch(/^join_/)
  expect(JSON.stringify(entry)).not.toContain('anna-laptop')
})

test.each([
  ['P-384', { name: 'ECDSA', namedCurve: 'P-384' }],
  ['Ed25519', { name: 'Ed25519' }],
  ['RSA 2048', { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }],
])('a key of %s is certified and gets tokens', async (name, algorithm) => {
  const request = await makeCertificateRequest({ keys: await newRequestKeys(algorithm) })
  const answer = await enrol({ csr: request.pem, join_token: (await joinToken()).token })
  expect(answer.status, answer.text).toBe(201)
  const issued = await broker.running.token(clientForm(`key-${name.replace(' ', '-')}`), asCertificate(answer, request))
  expect(issued.status, issued.text).toBe(200)
})

test('a request may repeat the identity that it will be given', async () => {
  const { answer, certificate } = await enrolled()
  const request = await makeCertificateRequest({
    name: `CN=${broker.running.ids.agent}`,
    extensions: [uriNames(answer.body.spiffe_id)],
  })
  expect(await enrol({ csr: request.pem }, certificate)).toMatchObject({
    status: 201,
    body: { spiffe_id: answer.body.spiffe_id },
  })
})

describe('a token of a trust source', () => {
  test('enrols nobody unless the registration says so', async () => {
    const { pem } = await makeCertificateRequest()
    const refused = await enrol({ csr: pem, subject_token: broker.running.mint() })
    expect(refused).toMatchObject({ status: 400, body: { type: 'urn:mayfly:error:invalid_grant' } })
    expect(refused.body.detail).toContain('may_enroll')
  })

  test('is proof enough where it says so, and the same workload is the same instance', async () => {
    await mayEnrol(true)
    const [one, two, other] = [await makeCertificateRequest(), await makeCertificateRequest(), await makeCertificateRequest()]
    const first = await enrol({ csr: one.pem, subject_token: broker.running.mint({ runId: 'pod-1' }) })
    expect(first.status, first.text).toBe(201)
    const issued = await broker.running.token(clientForm('pod'), asCertificate(first, one))
    expect(issued.status, issued.text).toBe(200)
    // Its certificate ran out, say; it comes again with a fresh token of its platform and a fresh key.
    const second = await enrol({ csr: two.pem, subject_token: broker.running.mint({ runId: 'pod-1' }) })
    expect(second.status, second.text).toBe(201)
    expect(second.body.spiffe_id).toBe(first.body.spiffe_id)
    const again = await broker.running.token(clientForm('pod'), asCertificate(second, two))
    expect(again.body.account_id).toBe(issued.body.account_id)
    const third = await enrol({ csr: other.pem, subject_token: broker.running.mint({ runId: 'pod-2' }) })
    expect(third.body.spiffe_id).not.toBe(first.body.spiffe_id)
    expect((await enrol({ csr: two.pem }, asCertificate(second, two))).status).toBe(201)
  })

  test('belongs to the first key that it was used with', async () => {
    await mayEnrol(true)
    const subject_token = broker.running.mint({ runId: 'pod-3' })
    const [own, thief] = [await makeCertificateRequest(), await makeCertificateRequest()]
    expect((await enrol({ csr: own.pem, subject_token })).status).toBe(201)
    expect((await enrol({ csr: thief.pem, subject_token })).status).toBe(400)
    expect((await enrol({ csr: own.pem, subject_token })).status).toBe(201)
  })
})

test('another tenant has a CA and a trust domain of its own, at its own path', async () => {
  const other = await createOtherTenant(broker.running, 'second')
  const agent = await other.register('/v1/agents', {
    name: 'enrolled only',
    owner: 'team@test.example',
    review_on: '2099-01-01',
    rules: [],
    ceiling: { scope: 'orders:read' },
  })
  const made = await broker.running.v1('POST', `/v1/agents/${agent}/join-tokens`, {}, other.token)
  const { pem } = await makeCertificateRequest()
  expect((await enrol({ csr: pem, join_token: made.body.token })).status, 'at the first tenant').toBe(400)
  const answer = await enrol({ csr: pem, join_token: made.body.token }, undefined, '/t/second/enroll')
  expect(answer.status, answer.text).toBe(201)
  expect(answer.body.spiffe_id).toContain(`spiffe://${trustDomainOf(broker.running.issuer, 'second')}/`)
  const own = await enrolled()
  expect(own.answer.body.ca_pem).not.toBe(answer.body.ca_pem)
  const list = await broker.running.v1('GET', '/v1/trust-sources', undefined, other.token)
  expect(list.body.items).toMatchObject([{ kind: 'builtin_ca' }])
})

describe('the trust source of the built-in CA', () => {
  const source = async () => {
    await joinToken()
    const { body } = await broker.running.v1('GET', '/v1/trust-sources')
    return body.items.find((item: { kind: string }) => item.kind === 'builtin_ca')
  }

  test('is listed, and neither made, changed nor deleted by operators', async () => {
    const { id, name } = await source()
    const path = `/v1/trust-sources/${id}`
    expect((await broker.running.v1('POST', '/v1/trust-sources', { kind: 'builtin_ca', name: 'mine' })).status).toBe(400)
    expect((await broker.running.v1('PUT', path, { kind: 'builtin_ca', name })).status).toBe(400)
    expect((await broker.running.v1('DELETE', path)).status).toBe(409)
  })

  test('takes no rules', async () => {
    const { id } = await source()
    const refused = await changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ rules }) => ({
      rules: [...rules, { trust_source: id, spiffe_id: 'spiffe://*/agent/*' }],
    }))
    expect(refused.status).toBe(400)
  })
})

test('when a CA key is replaced in an emergency, its certificates are worth nothing at once', async () => {
  const { certificate } = await enrolled()
  expect((await broker.running.token(clientForm('before'), certificate)).status).toBe(200)
  const rotated = await broker.running.v1('POST', '/v1/keys/rotate', { use: 'ca', now: true })
  expect(rotated.status, rotated.text).toBe(200)
  expect(await broker.running.token(clientForm('after'), certificate)).toMatchObject({ status: 401 })
  const { pem } = await makeCertificateRequest()
  expect((await enrol({ csr: pem }, certificate)).status).toBe(400)
  const fresh = await enrolled()
  expect((await broker.running.token(clientForm('after'), fresh.certificate)).status).toBe(200)
})

test('when the next CA key is published, certificates of the active one go on', async () => {
  const { certificate } = await enrolled()
  expect((await broker.running.v1('POST', '/v1/keys/rotate', { use: 'ca' })).status).toBe(200)
  expect((await broker.running.token(clientForm('overlap'), certificate)).status).toBe(200)
  const { answer } = await enrolled()
  expect(answer.body.ca_pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
})
