// What was decided and what holds at the commit: a certificate leaves only where both agree, and only from the log.

import { beforeAll, describe, expect, test } from 'vitest'
import { enrol } from '#core/enrolment/enrol.ts'
import { createEnrolDeps, type EnrolDeps } from '#core/enrolment/enrol-deps.ts'
import { readCsr } from '#core/enrolment/read-csr.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { useEnrolment } from '#test/setup/enrolment.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const inUse = useBroker()
const enrolment = useEnrolment(inUse)

const depsOf = (change: Partial<EnrolDeps> = {}): EnrolDeps => {
  const { deps, config } = { deps: inUse.running.broker.deps, config: inUse.running.config }
  const parts = { ...deps.exchange, db: deps.database.db, keyEncryption: deps.keyEncryption, baseUrl: config.publicUrl }
  return { ...createEnrolDeps(parts), ...change }
}
const current = async (): Promise<TenantSnapshot> => (await inUse.running.broker.deps.directory.resolve(undefined))!
const caller = { certificate: undefined, address: '192.0.2.7' }
const mayEnrol = (may_enroll: boolean) =>
  changeRegistration(inUse.running, `/v1/agents/${inUse.running.ids.agent}`, view => ({
    settings: { ...view.settings, may_enroll },
  }))
const eventsOf = async (type: string) => (await readLog(inUse.database.admin)).filter(({ leaf }) => leaf.type === type)

async function requestBy(proof: { joinToken?: string; subjectToken?: string }) {
  const { pem } = await makeCertificateRequest()
  return { csr: pem, joinToken: undefined, subjectToken: undefined, instance: undefined, ...proof }
}

beforeAll(async () => {
  await mayEnrol(true)
  await enrolment.joinToken()
})

describe('39: the registration changes under an enrolment', () => {
  test('a right that was withdrawn meanwhile gives no certificate', async () => {
    const snapshot = await current()
    await mayEnrol(false)
    const issued = await eventsOf('certificate.issued')
    const request = await requestBy({ subjectToken: inUse.running.mint() })
    await expect(enrol(depsOf(), { snapshot, request, caller })).rejects.toMatchObject({ detail: 'may_not_enroll' })
    expect(await eventsOf('certificate.issued')).toHaveLength(issued.length)
    await mayEnrol(true)
  })

  test('a life that was shortened meanwhile is the certificate’s, and a join token that was used up on the way stays good for it', async () => {
    const snapshot = await current()
    await changeRegistration(inUse.running, `/v1/agents/${inUse.running.ids.agent}`, view => ({
      settings: { ...view.settings, certificate_ttl_seconds: 300 },
    }))
    const { token } = await enrolment.joinToken()
    const enrolled = await enrol(depsOf(), { snapshot, request: await requestBy({ joinToken: token }), caller })
    expect(enrolled.notAfterMs - Date.now()).toBeLessThanOrEqual(300_000)
    expect((await eventsOf('certificate.issued')).at(-1)!.body.not_after * 1000).toBe(enrolled.notAfterMs)
  })

  test('an agent that is gone by then gets none', async () => {
    const { running } = inUse
    const view = (await running.v1('GET', `/v1/agents/${running.ids.agent}`)).body
    const made = await running.v1('POST', '/v1/agents', {
      name: 'soon gone',
      owner: view.owner,
      review_on: view.review_on,
      rules: [],
      ceiling: view.ceiling,
    })
    const { token } = await enrolment.joinToken({}, made.body.id)
    const snapshot = await current()
    await running.v1('DELETE', `/v1/agents/${made.body.id}`)
    await expect(enrol(depsOf(), { snapshot, request: await requestBy({ joinToken: token }), caller })).rejects.toMatchObject({
      code: 'enrolment_refused',
    })
  })
})

test('what the log does not take was never issued, and costs no join token: it can come again, once', async () => {
  const log = { append: () => Promise.reject(new Error('the log is away')) }
  const { token } = await enrolment.joinToken()
  const input = { snapshot: await current(), request: await requestBy({ joinToken: token }), caller }
  const issued = await eventsOf('certificate.issued')
  await expect(enrol(depsOf({ log }), input)).rejects.toThrow('the log is away')
  expect(await eventsOf('certificate.issued')).toHaveLength(issued.length)
  expect((await enrol(depsOf(), input)).spiffeId).toMatch(/^spiffe:/)
  await expect(enrol(depsOf(), input)).rejects.toMatchObject({ detail: 'join_token_used' })
})

describe('35: a stolen workload token', () => {
  test('that was used at the token endpoint with a key, or without, enrols no other', async () => {
    const subjectToken = inUse.running.mint({ sub: 'bearer-workload' })
    const path = `/v1/agents/${inUse.running.ids.bearerAgent}`
    await changeRegistration(inUse.running, path, view => ({ settings: { ...view.settings, may_enroll: true } }))
    expect((await inUse.running.token(inUse.running.form({ subject_token: subjectToken }))).status).toBe(200)
    const input = { snapshot: await current(), request: await requestBy({ subjectToken }), caller }
    await expect(enrol(depsOf(), input)).rejects.toMatchObject({ code: 'enrolment_refused', detail: 'pinned_to_other_key' })
    expect((await eventsOf('enrolment.refused')).at(-1)!.body).toMatchObject({ reason: 'pinned_to_other_key' })
  })

  test('that is bound to a key enrols that key only', async () => {
    const own = await requestBy({})
    const read = readCsr(own.csr)
    const thumbprint = read.ok ? read.request.thumbprint : ''
    const subjectToken = inUse.running.mint({ cnf: { jkt: thumbprint } })
    const input = { snapshot: await current(), caller }
    const stolen = enrol(depsOf(), { ...input, request: await requestBy({ subjectToken }) })
    await expect(stolen).rejects.toMatchObject({ code: 'enrolment_refused', detail: 'other_key' })
    expect((await enrol(depsOf(), { ...input, request: { ...own, subjectToken } })).spiffeId).toMatch(/^spiffe:/)
  })
})

test('who came by a trust source renews no more once that is not allowed, or the source is deleted', async () => {
  const { running } = inUse
  const request = await makeCertificateRequest()
  const first = await enrolment.enrol({ csr: request.pem, subject_token: running.mint() })
  expect(first.status).toBe(201)
  const certificate = { certificatePem: first.body.certificate_pem, chainPem: first.body.chain_pem, keyPem: request.keyPem }
  expect((await enrolment.enrol({ csr: request.pem }, certificate)).status).toBe(201)
  await mayEnrol(false)
  expect((await enrolment.enrol({ csr: request.pem }, certificate)).status).toBe(400)
  await mayEnrol(true)
  expect((await enrolment.enrol({ csr: request.pem }, certificate)).status).toBe(201)
  for (const id of [running.ids.agent, running.ids.bearerAgent])
    await changeRegistration(running, `/v1/agents/${id}`, view => ({
      rules: view.rules.filter((rule: { trust_source: string }) => rule.trust_source !== running.ids.openid),
    }))
  expect((await running.v1('DELETE', `/v1/trust-sources/${running.ids.openid}`)).status).toBe(204)
  const again = await enrolment.enrol({ csr: request.pem }, certificate)
  expect([again.status, again.body.type]).toEqual([400, 'urn:mayfly:error:invalid_grant'])
})
