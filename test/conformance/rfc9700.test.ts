// RFC 9700, OAuth 2.0 security best current practice, as far as there is a token endpoint only.

import { connect } from 'node:tls'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { sendRaw } from '#test/setup/raw-tls.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

test('offers neither implicit nor password grants, and no authorization endpoint (§§ 2.1.2, 2.4)', async () => {
  const { body } = await broker.https.send(`${broker.running.issuer}/.well-known/oauth-authorization-server`)
  expect(body.grant_types_supported).not.toContain('password')
  expect(body.grant_types_supported).not.toContain('implicit')
  expect(body).not.toHaveProperty('authorization_endpoint')
})

test('tokens are restricted to one audience and bound to their sender wherever the agent can prove a key (§ 2.2)', async () => {
  const { running } = broker
  const { body } = await running.token(running.form({ task_id: 't' }), running.certificate)
  const claims = decodeJwt(body.access_token)
  expect(typeof claims.aud).toBe('string')
  expect(claims['cnf']).toBeDefined()
})

test('issues no refresh tokens', async () => {
  const { running } = broker
  const { body } = await running.token(running.form({ task_id: 't', scope: 'orders:read' }), running.certificate)
  expect(body).not.toHaveProperty('refresh_token')
})

test('a token in the query is not taken (§ 4.3.2)', async () => {
  const { running, https } = broker
  const { body } = await running.token(running.form({ task_id: 't' }), running.certificate)
  expect((await https.send(`${running.issuer}/v1/agents?access_token=${body.access_token}`)).status).toBe(401)
})

test('never redirects, and sends no CORS permission', async () => {
  const { running, https } = broker
  for (const path of ['/token', '/token/', '//token', '/jwks', '/.well-known/oauth-authorization-server']) {
    const answer = await https.send(`${running.issuer}${path}`, { headers: { origin: 'https://evil.example' } })
    expect(answer.status < 300 || answer.status >= 400).toBe(true)
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  }
})

test('speaks TLS 1.2 or later only, and never plain HTTP (§ 2.6)', async () => {
  const { running } = broker
  for (const url of [running.issuer, running.config.mtlsUrl]) {
    const refused = await new Promise<string>(resolve => {
      const port = Number(new URL(url).port)
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ca: running.ca.certificatePem,
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
      })
      socket.once('secureConnect', () => resolve('connected'))
      socket.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? 'error'))
    })
    expect(refused).not.toBe('connected')
  }
  const answer = await sendRaw(
    running.issuer,
    running.ca.certificatePem,
    'GET /jwks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  await expect(fetch(running.issuer.replace('https:', 'http:'))).rejects.toThrow()
})

test('an agent that is refused learns nothing of accounts and agents that are not its own', async () => {
  const { running } = broker
  const ask = (client_id: string) => running.token(running.form({ task_id: 't', client_id }), running.certificate)
  const [known, unknown] = [await ask(running.ids.bearerAgent), await ask(`agt_${'0'.repeat(32)}`)]
  expect(known.body).toEqual(unknown.body)
})
