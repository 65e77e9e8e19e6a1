// RFC 8705, certificate-bound access tokens.

import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { agentUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const thumbprint = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')

test('the token names the certificate of the connection by cnf.x5t#S256 (§ 3.1) and its type stays Bearer', async () => {
  const { running } = broker
  const { body } = await running.token(running.form({ task_id: 't' }), running.certificate)
  expect(decodeJwt(body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(running.certificate.certificatePem) })
  expect(body.token_type).toBe('Bearer')
})

test('another certificate of the same agent is another binding', async () => {
  const { running } = broker
  const renewed = await issueClientCertificate(running.ca, { uris: [agentUri], now: new Date() })
  const { body } = await running.token(running.form({ task_id: 't' }), renewed)
  expect(decodeJwt(body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(renewed.certificatePem) })
})

test('the token ends with the certificate', async () => {
  const { running } = broker
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 30_000)
  const ending = await issueClientCertificate(running.ca, { uris: [agentUri], now: new Date(), notAfter })
  const { body } = await running.token(running.form({ task_id: 't' }), ending)
  expect(decodeJwt(body.access_token).exp).toBeLessThanOrEqual(notAfter.getTime() / 1000)
})

test('an agent that must prove a key gets 401 invalid_client without a certificate, on either listener (§ 2)', async () => {
  const { running, https } = broker
  const send = (base: string) =>
    https.send(`${base}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(running.form({ task_id: 't' })).toString(),
    })
  for (const base of [running.issuer, running.config.mtlsUrl]) {
    const { status, body } = await send(base)
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  }
})

describe('the certificate itself as subject token', () => {
  let answer: Awaited<ReturnType<typeof ask>>
  const ask = (changes: Record<string, string> = {}, certificate = broker.running.certificate) =>
    broker.running.token(
      broker.running.form({
        subject_token: new X509Certificate(broker.running.certificate.certificatePem).raw.toString('base64'),
        subject_token_type: 'urn:ietf:params:oauth:token-type:mtls',
        task_id: 'by-certificate',
        ...changes,
      }),
      certificate,
    )
  beforeAll(async () => {
    answer = await ask()
  })

  test('gets a token that is bound to it', () => {
    expect(answer.status).toBe(200)
    expect(decodeJwt(answer.body.access_token)['cnf']).toEqual({
      'x5t#S256': thumbprint(broker.running.certificate.certificatePem),
    })
  })

  test('must be the very certificate of the connection', async () => {
    const other = await issueClientCertificate(broker.running.ca, { uris: [agentUri], now: new Date() })
    expect(await ask({}, other)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(await ask({ subject_token: 'AAAA' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })
})

describe('what a connection proved is not carried beyond it (§ 7.1)', () => {
  const open = (options: object) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const { config, ca, certificate } = broker.running
      const port = Number(new URL(config.mtlsUrl).port)
      const own = { ca: ca.certificatePem, cert: certificate.chainPem, key: certificate.keyPem }
      const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ...own, ...options })
      socket.once('secureConnect', () => resolve(socket))
      socket.once('error', reject)
    })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a %s session is not resumed', async maxVersion => {
    const first = await open({ maxVersion })
    const sessions: Buffer[] = []
    first.on('session', session => sessions.push(session))
    first.write('GET /jwks HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(first, 'data')
    const session = sessions.at(-1) ?? first.getSession()
    first.destroy()
    const second = await open({ maxVersion, session, cert: undefined, key: undefined })
    expect(second.isSessionReused()).toBe(false)
    second.destroy()
  })

  test('another handshake inside the connection is refused, so that no certificate can replace the first', async () => {
    const socket = await open({ maxVersion: 'TLSv1.2' })
    socket.on('error', () => {})
    const outcome = await new Promise<string>(resolve => {
      socket.once('close', () => resolve('refused'))
      socket.renegotiate({ rejectUnauthorized: true }, error => resolve(error ? 'refused' : 'renegotiated'))
    })
    expect(outcome).toBe('refused')
    socket.destroy()
  })
})
