// The Shared Signals Framework 1.0 with CAEP 1.0, RFC 8935 and RFC 8417, end to end: a broker, a worker, a receiver of somebody else.

import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { type SetReceiver, startSetReceiver } from '#test/setup/set-receiver.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
let worker: RunningWorker
let receiver: SetReceiver
let token: string
beforeAll(async () => {
  const { config } = broker.running
  const { urls } = broker.database
  const keys = { keyEncryptionKey: config.keyEncryptionKey, outboundNetworks: everythingInside, logLevel: 'silent' }
  worker = await startWorker({ databaseUrl: urls.app, queueDatabaseUrl: urls.queue, ...keys }, createLogger('worker', 'silent'))
  receiver = await startSetReceiver()
  const registered = await broker.running.v1('POST', '/v1/receivers', {
    name: 'siem',
    audience: 'https://siem.example',
    ca_pem: receiver.caPem,
  })
  token = registered.body.token
})
afterAll(async () => {
  await worker.close()
  await receiver.close()
})

/** As a receiver does that knows the issuer alone. */
async function discover() {
  const { issuer } = broker.running
  const { body } = await broker.https.send(`${issuer}/.well-known/ssf-configuration`)
  expect(body.issuer).toBe(issuer)
  return body
}
const call = (url: string, method: string, body?: object) =>
  broker.https.send(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })

describe('SSF 1.0: a receiver that knows the issuer alone', () => {
  test('makes a stream, has it verified, and is told of a revocation; the revocation says when it was', async () => {
    const transmitter = await discover()
    const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: receiver.url, authorization_header: 'Bearer mine' }
    const stream = (await call(transmitter.configuration_endpoint, 'POST', { delivery })).body
    expect(stream).toMatchObject({ iss: transmitter.issuer, aud: 'https://siem.example' })
    expect((await call(transmitter.verification_endpoint, 'POST', { stream_id: stream.stream_id, state: 'abc' })).status).toBe(
      204,
    )
    await vi.waitFor(() => expect(receiver.sets).toHaveLength(1), 10_000)

    const { running } = broker
    const issued = await running.token(running.form(), running.certificate)
    const revoked = await running.v1('POST', '/v1/revocations', { account_id: issued.body.account_id, reason: 'a test' })
    expect(revoked.status, revoked.text).toBe(201)
    await vi.waitFor(() => expect(receiver.sets).toHaveLength(2), 10_000)

    const jwks = createLocalJWKSet((await broker.https.send(transmitter.jwks_uri)).body as JSONWebKeySet)
    const options = { issuer: transmitter.issuer, audience: stream.aud, typ: 'secevent+jwt', algorithms: ['RS256'] }
    const [verified, told] = await Promise.all(
      receiver.sets.map(async ({ jwt }) => (await jwtVerify(jwt, jwks, options)).payload),
    )
    expect(verified).toMatchObject({
      sub_id: { format: 'opaque', id: stream.stream_id },
      events: { [`${ssf}verification`]: { state: 'abc' } },
    })
    expect(told).toMatchObject({
      txn: revoked.body.id,
      sub_id: { format: 'iss_sub', iss: transmitter.issuer, sub: issued.body.account_id },
      events: {
        [`${caep}session-revoked`]: { reason_admin: { en: expect.stringMatching(/./) }, event_timestamp: expect.any(Number) },
      },
    })
    for (const claims of [verified!, told!]) {
      // RFC 8417 § 2.2; SSF 1.0 § 4.2.
      expect(Object.keys(claims)).toEqual(expect.arrayContaining(['iss', 'jti', 'iat', 'aud', 'sub_id', 'events']))
      expect(Object.keys(claims['events'] as object)).toHaveLength(1)
      for (const member of ['sub', 'exp', 'nbf']) expect(claims).not.toHaveProperty(member)
    }
    await vi.waitFor(async () => {
      const { receivers } = (await running.v1('GET', `/v1/revocations/${revoked.body.id}`)).body
      expect(receivers.acknowledged).toContainEqual(expect.objectContaining({ name: 'siem', instance: stream.stream_id }))
    }, 5_000)
  })

  test('RFC 8935 2.1: SETs come by POST as application/secevent+jwt, with the authorization that the receiver asked for', () => {
    for (const { headers } of receiver.sets)
      expect(headers).toMatchObject({
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        authorization: 'Bearer mine',
      })
  })

  test('RFC 8935 2.3, 2.4: what it cannot take is kept and shown, and what comes after is sent', async () => {
    const { running } = broker
    const before = receiver.sets.length
    receiver.answer = () => ({ status: 400, body: { err: 'invalid_audience', description: 'not mine' } })
    const issued = await running.token(running.form({ task_id: 'another' }), running.certificate)
    await running.v1('POST', '/v1/revocations', { account_id: issued.body.account_id, reason: 'a test' })
    await vi.waitFor(() => expect(receiver.sets.length).toBeGreaterThan(before), 10_000)
    const [stream] = (await running.v1('GET', '/v1/ssf/streams')).body.items
    await vi.waitFor(async () => {
      const letters = (await running.v1('GET', `/v1/ssf/streams/${stream.id}/dead-letters`)).body.items
      expect(letters).toMatchObject([{ subject: issued.body.account_id, err: 'invalid_audience', description: 'not mine' }])
    }, 5_000)
    expect((await running.v1('GET', `/v1/ssf/streams/${stream.id}`)).body).toMatchObject({
      behind: 0,
      dead_letters: 1,
      failures: 0,
    })
  })

  test('a token that was pushed as a SET opens nothing', async () => {
    const { running } = broker
    const set = receiver.sets[0]!.jwt
    const form = running.form({ subject_token: set })
    expect((await running.token(form, running.certificate)).status).toBe(400)
    const introspected = await broker.https.send(`${running.issuer}/introspect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${running.resourceSecrets.pop}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: `token=${set}`,
    })
    expect(introspected.body).toEqual({ active: false })
  })
})

const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/'
