// The built-in CA's keys rotate under those who live by them. Steps are taken at once: when they are due is another test.

import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { openKeyEncryption } from '#apps/process/key-settings.ts'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { takeStep } from '#core/keys/rotation/steps.ts'
import { signingKeyTimes } from '#core/keys/rotation/times.ts'
import { makeCertificateRequest } from '#test/setup/certificate-requests.ts'
import { asCertificate, useEnrolment } from '#test/setup/enrolment.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { type Answer, resourceUri } from '#test/setup/registration.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const inUse = useBroker()
const enrolment = useEnrolment(inUse)

interface Identity {
  readonly certificate: IssuedCertificate
  readonly caPem: string
}

const toIdentity = (answer: Answer, certificate: IssuedCertificate): Identity => ({ certificate, caPem: answer.body.ca_pem })

async function enrol(): Promise<Identity> {
  const { answer, certificate } = await enrolment.enrolled()
  return toIdentity(answer, certificate)
}

async function renew({ certificate }: Identity) {
  const request = await makeCertificateRequest()
  const answer = await enrolment.enrol({ csr: request.pem }, certificate)
  return {
    status: answer.status,
    renewed: answer.status === 201 ? toIdentity(answer, asCertificate(answer, request)) : undefined,
  }
}

/** The certificate alone is the agent's proof. */
const token = (identity: Identity, task: string): Promise<Answer> =>
  inUse.running.token(
    {
      grant_type: 'client_credentials',
      resource: resourceUri,
      scope: 'orders:read',
      task_id: task,
    },
    identity.certificate,
  )

const atOnce = { lifeSeconds: 0, aheadSeconds: 0, retiringSeconds: 0 }

/** Whether it was taken. */
async function step(name: 'publish' | 'activate' | 'retire'): Promise<boolean> {
  const { config, broker } = inUse.running
  const { db } = inUse.database.database
  const { tenant } = (await broker.deps.directory.resolve(undefined))!
  const uses = rotatingUses(openKeyEncryption(config), { signing: signingKeyTimes(), ca: atOnce })
  const use = uses.find(each => each.use === 'ca')!
  const nowMs = Date.now() + 1_000
  const change = { tenantId: tenant.id, alg: 'ES256', nowMs, facts: { by: 'schedule' } as const }
  const fresh = await use.create(tenant.id, 'ES256', nowMs)
  const taken = await db
    .forTenant(tenant.id)
    .transaction()
    .execute(trx => takeStep(trx, use, name, change, fresh))
  broker.deps.directory.invalidate(tenant.id)
  return taken
}

const signedBy = ({ certificate: { certificatePem }, caPem }: Identity): number =>
  splitPem(caPem).findIndex(pem => new X509Certificate(certificatePem).verify(new X509Certificate(pem).publicKey))
const splitPem = (text: string): string[] => text.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/g) ?? []

describe('a CA key rotates by schedule', () => {
  let first: Identity
  let before: Identity
  beforeAll(async () => {
    first = await enrol()
    before = first
  })

  test('its successor is published, and nothing is signed by it yet', async () => {
    expect(await step('publish')).toBe(true)
    const between = await enrol()
    expect(splitPem(between.caPem)).toHaveLength(2)
    expect(signedBy(between)).toBe(0)
  })

  test('it stops signing, and what it signed stays good: the holder renews, and gets one of the new key', async () => {
    expect(await step('activate')).toBe(true)
    expect((await token(before, 'across')).status).toBe(200)
    const { status, renewed } = await renew(before)
    expect(status).toBe(201)
    const after = renewed!
    expect(signedBy(after)).toBe(1)
    const again = await token(after, 'across')
    expect([again.status, again.body.account_id]).toEqual([200, (await token(before, 'across')).body.account_id])
    before = after
  })

  test('it is retired when its last certificate has ended; those of the new key stay good', async () => {
    expect(await step('retire')).toBe(true)
    expect((await token(before, 'across')).status).toBe(200)
    expect((await token(first, 'across')).status).toBe(401)
    expect(splitPem((await enrol()).caPem)).toHaveLength(1)
  })

  test('each step is an event, and its key is shown with the others', async () => {
    const types = (await readLog(inUse.database.admin)).map(({ leaf }) => leaf.type).filter(type => type.startsWith('ca_key.'))
    expect(types).toEqual(['ca_key.created', 'ca_key.published', 'ca_key.activated', 'ca_key.retired'])
    const { body } = await inUse.running.v1('GET', '/v1/keys')
    expect(body.items.filter(({ use }: { use: string }) => use === 'ca').map(({ state }: { state: string }) => state)).toEqual([
      'retired',
      'active',
    ])
  })
})

describe('an emergency', () => {
  test('ends every certificate at once: no token, no renewal; who enrols anew is served', async () => {
    const before = await enrol()
    expect((await token(before, 'emergency')).status).toBe(200)
    const rotated = await inUse.running.v1('POST', '/v1/keys/rotate', { use: 'ca', now: true })
    expect([rotated.status, rotated.body.retired.length]).toEqual([200, 1])
    expect((await token(before, 'emergency')).status).toBe(401)
    expect((await renew(before)).status).toBe(400)
    expect((await token(await enrol(), 'after-the-emergency')).status).toBe(200)
  })

  test('of a tenant without a CA is refused', async () => {
    const other = await createOtherTenant(inUse.running, 'no-ca')
    const answer = await inUse.running.v1('POST', '/v1/keys/rotate', { use: 'ca' }, other.token)
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('no built-in CA')])
  })
})
