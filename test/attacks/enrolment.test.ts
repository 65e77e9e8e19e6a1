// Rows 13 and 32: whoever enrols with what is not his, or asks for more than he is, gets nothing, and the log says so.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import * as x509 from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { greedyExtensions, makeCertificateRequest, newRequestKeys, uriNames } from '#test/setup/certificate-requests.ts'
import { useEnrolment } from '#test/setup/enrolment.ts'
import { agentUri } from '#test/setup/running-broker.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { plain, refusal, useEnrolmentTrail } from './enrolment-trail.ts'

const broker = useBroker()
const { joinToken, enrol, enrolled } = useEnrolment(broker)
const { entries, expire } = useEnrolmentTrail(broker)

describe('32: a join token', () => {
  test('enrols once: the second time nothing is issued, and the log names the token', async () => {
    const { id, token } = await joinToken()
    expect((await enrol({ csr: await plain(), join_token: token })).status).toBe(201)
    const again = await enrol({ csr: await plain(), join_token: token })
    expect(again).toMatchObject({ status: 400, body: { type: 'urn:mayfly:error:invalid_grant' } })
    expect(await entries('certificate.issued')).toHaveLength(1)
    expect(await entries('enrolment.refused')).toMatchObject([{ body: { reason: 'join_token_used', join_token: id } }])
  })

  test('used twenty times at once enrols exactly one', async () => {
    const { token } = await joinToken()
    const requests = await Promise.all(Array.from({ length: 20 }, plain))
    const answers = await Promise.all(requests.map(csr => enrol({ csr, join_token: token })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19)
    expect(await entries('certificate.issued')).toHaveLength(1)
    expect(await entries('enrolment.refused')).toHaveLength(19)
  })

  test('that has expired enrols nobody', async () => {
    const { id, token } = await joinToken()
    await expire(id)
    expect((await enrol({ csr: await plain(), join_token: token })).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
    expect(await entries('enrolment.refused')).toEqual(refusal('join_token_expired'))
  })

  test('that was deleted enrols nobody', async () => {
    const { id, token } = await joinToken()
    const path = `/v1/agents/${broker.running.ids.agent}/join-tokens/${id}`
    expect((await broker.running.v1('DELETE', path)).status).toBe(204)
    expect((await enrol({ csr: await plain(), join_token: token })).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
  })

  test('of another tenant enrols nobody (row 13)', async () => {
    await createOtherTenant(broker.running, 'other')
    const { token } = await joinToken()
    expect((await enrol({ csr: await plain(), join_token: token }, undefined, '/t/other/enroll')).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
    expect((await enrol({ csr: await plain(), join_token: token })).status, 'and is not used up by that').toBe(201)
  })

  test.each([
    ['guessed', (token: string) => `${token.slice(0, 10)}${'A'.repeat(20)}${token.slice(30)}`],
    ['cut short', (token: string) => token.slice(0, -1)],
    ['in capitals', (token: string) => token.toUpperCase()],
    ['empty', () => ''],
    ['an operator’s', () => broker.running.operatorToken],
  ])('that is %s enrols nobody', async (_name, bend) => {
    const { token } = await joinToken()
    expect((await enrol({ csr: await plain(), join_token: bend(token) })).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
  })

  test('cannot be made to last, nor by who may only look', async () => {
    const path = `/v1/agents/${broker.running.ids.agent}/join-tokens`
    expect((await broker.running.v1('POST', path, { expires_in_seconds: 7 * 86_400 + 1 })).status).toBe(400)
    const { body } = await broker.running.v1('POST', '/v1/operators', {
      name: 'auditor',
      role: 'auditor',
      tenant: broker.running.ids.tenant,
    })
    expect((await broker.running.v1('POST', path, {}, body.token)).status).toBe(403)
  })

  test('stands nowhere but in the answer: not in the database, not in a log line', async () => {
    const { token } = await joinToken()
    await enrol({ csr: await plain(), join_token: token })
    await enrol({ csr: await plain(), join_token: token })
    const secret = token.slice(token.indexOf('_') + 1)
    expect(broker.running.logLines.join('\n')).not.toContain(secret)
    const [{ found } = { found: -1 }] = await broker.database.admin<{ found: number }[]>`
      select count(*)::int as found from mayfly.join_token j where j::text like ${`%${secret}%`}`
    expect(found).toBe(0)
  })
})

describe('32: a request', () => {
  test.each(Object.entries(greedyExtensions))('that asks for %s gets nothing', async (_name, extensions) => {
    const { token } = await joinToken()
    const { pem } = await makeCertificateRequest({ extensions: extensions() })
    const refused = await enrol({ csr: pem, join_token: token })
    expect(refused).toMatchObject({ status: 400, body: { type: 'urn:mayfly:error:invalid_request' } })
    expect(await entries('certificate.issued')).toEqual([])
    expect(await entries('enrolment.refused')).toMatchObject([{ body: { reason: expect.stringMatching(/^csr_asks_/) } }])
    expect((await enrol({ csr: await plain(), join_token: token })).status, 'the token is still good').toBe(201)
  })

  test.each([
    ['another agent', () => `spiffe://${domain}/agent/${broker.running.ids.bearerAgent}/1`],
    ['another instance', () => `spiffe://${domain}/agent/${broker.running.ids.agent}/1`],
    ['another trust domain', () => agentUri],
    ['the trust domain itself', () => `spiffe://${domain}`],
  ])('for the SPIFFE ID of %s gets nothing', async (_name, uri) => {
    const { pem } = await makeCertificateRequest({ extensions: [uriNames(uri())] })
    expect((await enrol({ csr: pem, join_token: (await joinToken()).token })).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
    expect(await entries('enrolment.refused')).toEqual(refusal('csr_asks_identity'))
  })
  const domain = 'test.localhost'

  test('for another common name gets nothing', async () => {
    const { pem } = await makeCertificateRequest({ name: `CN=${broker.running.ids.bearerAgent}` })
    expect((await enrol({ csr: pem, join_token: (await joinToken()).token })).status).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('csr_asks_identity'))
  })

  test('with a key that its sender does not hold gets nothing', async () => {
    const [own, other] = [await makeCertificateRequest(), await makeCertificateRequest()]
    const [ownKey, otherKey] = [own, other].map(({ pem }) =>
      Buffer.from(new x509.Pkcs10CertificateRequest(pem).publicKey.rawData),
    )
    const der = Buffer.from(new x509.Pkcs10CertificateRequest(own.pem).rawData)
    otherKey!.copy(der, der.indexOf(ownKey!))
    const csr = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    expect((await enrol({ csr, join_token: (await joinToken()).token })).status).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('csr_signature'))
  })

  test('with a weak key gets nothing', async () => {
    const weak = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
    const { pem } = await makeCertificateRequest({ keys: await newRequestKeys(weak) })
    expect((await enrol({ csr: pem, join_token: (await joinToken()).token })).status).toBe(400)
    expect(await entries('enrolment.refused')).toEqual(refusal('csr_key'))
  })

  test.each([
    ['a longer life', { not_after: '2099-01-01T00:00:00Z' }],
    ['another agent', { agent: 'agt_0198c0ffee00700080000000000000aa' }],
    ['a name with a slash', { instance: 'a/b' }],
    ['a name that climbs', { instance: '..' }],
    ['two proofs', { subject_token: 'eyJ' }],
  ])('for %s is malformed', async (_name, more) => {
    const { token } = await joinToken()
    expect((await enrol({ csr: await plain(), join_token: token, ...more })).status).toBe(400)
    expect(await entries('certificate.issued')).toEqual([])
  })

  test('cannot take the name of another instance, whatever it calls itself', async () => {
    const one = await enrolled({ instance: 'build' })
    const other = await enrolled({ instance: 'build' })
    expect(one.answer.body.spiffe_id).not.toBe(other.answer.body.spiffe_id)
  })
})

test('37: junk at the door of enrolment is counted, and an address that goes on is turned away', async () => {
  const csr = await plain()
  const answers = await Promise.all(
    Array.from({ length: 260 }, (_, i) => enrol({ csr, join_token: `mfj_${String(i).padStart(43, 'x')}_00000000` })),
  )
  expect(answers.some(({ status }) => status === 429)).toBe(true)
  expect(answers.every(({ status }) => status === 400 || status === 429)).toBe(true)
  expect(await entries('enrolment.refused')).toEqual([])
})
