// Rows 32 and 33: a certificate is renewed by who holds it, and only while what it came by holds too.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { describe, expect, test } from 'vitest'
import { issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { makeCertificateRequest, uriNames } from '#test/setup/certificate-requests.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { asCertificate, useEnrolment } from '#test/setup/enrolment.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { plain, refusal, useEnrolmentTrail } from './enrolment-trail.ts'

const broker = useBroker()
const { joinToken, enrol, enrolled } = useEnrolment(broker)
const { entries, expire } = useEnrolmentTrail(broker)

describe('32: renewal', () => {
  test('is for certificates of the built-in CA: another trust source’s is none', async () => {
    const { pem } = await makeCertificateRequest()
    expect((await enrol({ csr: pem }, broker.running.certificate)).status).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('foreign_certificate'))
  })

  test('needs the certificate in the handshake: a copy of it, or none, is nothing', async () => {
    const { certificate } = await enrolled()
    const csr = await plain()
    expect((await enrol({ csr })).status).toBe(400)
    const forwarded = Buffer.from(certificate.certificatePem.replace(/-----[^-]+-----|\s/g, ''), 'base64').toString('base64')
    const answer = await broker.https.send(`${broker.running.config.publicUrl}/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'client-cert': `:${forwarded}:` },
      body: JSON.stringify({ csr }),
    })
    expect(answer.status).toBe(400)
  })

  test('of a certificate that somebody else’s CA made in our name is refused', async () => {
    const { answer } = await enrolled()
    const forged = await issueClientCertificate(broker.running.ca, { now: new Date(), uris: [answer.body.spiffe_id] })
    expect((await enrol({ csr: await plain() }, forged)).status).toBe(400)
    expect(await entries('certificate.issued')).toHaveLength(1)
  })

  test('names another identity in vain', async () => {
    const { certificate } = await enrolled()
    const { pem } = await makeCertificateRequest({ extensions: [uriNames('spiffe://test.localhost/agent/x/1')] })
    expect((await enrol({ csr: pem }, certificate)).status).toBe(400)
    expect(await entries('certificate.issued')).toHaveLength(1)
  })
})

describe('33: what came by the word of a trust source', () => {
  type Rule = { trust_source: string; claims?: Record<string, string> }
  const changeAgent = (change: (view: { rules: Rule[]; settings: object }) => Record<string, unknown>) =>
    changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, change)
  const withSub = (sub: string) => (view: { rules: Rule[]; settings: object }) => ({
    rules: view.rules.map(rule => (rule.claims ? { ...rule, claims: { sub } } : rule)),
    settings: { ...view.settings, may_enroll: true },
  })

  test.each([
    ['its rule names others', withSub('others'), withSub('workload')],
    [
      'the agent may not enrol so any more',
      (view: { settings: object }) => ({ settings: { ...view.settings, may_enroll: false } }),
      withSub('workload'),
    ],
    [
      'instances are told apart by something else',
      (view: { settings: object }) => ({ settings: { ...view.settings, instance_claims: ['other'] } }),
      (view: { settings: object }) => ({ settings: { ...view.settings, instance_claims: ['run_id'] } }),
    ],
  ])('renews no more once %s', async (_name, change, back) => {
    await changeAgent(withSub('workload'))
    const request = await makeCertificateRequest()
    const answer = await enrol({ csr: request.pem, subject_token: broker.running.mint({ runId: 'r' }) })
    expect(answer.status, answer.text).toBe(201)
    const certificate = asCertificate(answer, request)
    const renewal = async () => (await enrol({ csr: await plain() }, certificate)).status
    expect(await renewal()).toBe(201)
    expect((await changeAgent(change)).status).toBe(200)
    expect(await renewal()).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('enrolment_ended'))
    expect((await changeAgent(back)).status).toBe(200)
  })

  test('renews no more once the trust source is another, and a fresh word is enough again', async () => {
    await changeAgent(withSub('workload'))
    const request = await makeCertificateRequest()
    const subject_token = () => broker.running.mint({ runId: 'r' })
    const certificate = asCertificate(await enrol({ csr: request.pem, subject_token: subject_token() }), request)
    const path = `/v1/trust-sources/${broker.running.ids.openid}`
    expect((await changeRegistration(broker.running, path, () => ({ max_age_seconds: 600 }))).status).toBe(200)
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(400)
    expect((await enrol({ csr: request.pem, subject_token: subject_token() })).status).toBe(201)
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(201)
    expect((await changeRegistration(broker.running, path, () => ({ name: 'called otherwise' }))).status).toBe(200)
    expect((await enrol({ csr: await plain() }, certificate)).status, 'a name decides nothing').toBe(201)
  })
})

describe('33: what came by a join token', () => {
  const tokenOf = (certificate: Parameters<typeof enrol>[1]) =>
    broker.running.token(
      { grant_type: 'client_credentials', resource: resourceUri, scope: 'orders:read', task_id: 'after' },
      certificate,
    )

  test('renews no more once the token is deleted', async () => {
    const { id, token } = await joinToken()
    const request = await makeCertificateRequest()
    const answer = await enrol({ csr: request.pem, join_token: token })
    const certificate = { certificatePem: answer.body.certificate_pem, chainPem: answer.body.chain_pem, keyPem: request.keyPem }
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(201)
    await broker.running.v1('DELETE', `/v1/agents/${broker.running.ids.agent}/join-tokens/${id}`)
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('enrolment_ended'))
  })

  test('goes on renewing when the token has expired after its one use', async () => {
    const { id, token } = await joinToken()
    const request = await makeCertificateRequest()
    const answer = await enrol({ csr: request.pem, join_token: token })
    await expire(id)
    const certificate = { certificatePem: answer.body.certificate_pem, chainPem: answer.body.chain_pem, keyPem: request.keyPem }
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(201)
    expect((await enrol({ csr: await plain(), join_token: token })).status).toBe(400)
  })

  test('ends with its agent: no token, no renewal, and its unused join tokens are worth nothing', async () => {
    const { body } = await broker.running.v1('POST', '/v1/agents', {
      name: 'short-lived',
      owner: 'team@test.example',
      review_on: '2099-01-01',
      rules: [],
      ceiling: { scope: 'orders:read' },
    })
    const [used, unused] = [await joinToken({}, body.id), await joinToken({}, body.id)]
    const request = await makeCertificateRequest()
    const answer = await enrol({ csr: request.pem, join_token: used.token })
    const certificate = { certificatePem: answer.body.certificate_pem, chainPem: answer.body.chain_pem, keyPem: request.keyPem }
    expect((await tokenOf(certificate)).status).toBe(200)
    expect((await broker.running.v1('DELETE', `/v1/agents/${body.id}`)).status).toBe(204)
    expect((await tokenOf(certificate)).status).toBe(401)
    expect((await enrol({ csr: await plain() }, certificate)).status).toBe(400)
    expect((await enrol({ csr: await plain(), join_token: unused.token })).status).toBe(400)
  })
})
