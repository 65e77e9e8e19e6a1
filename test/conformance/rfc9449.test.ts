// RFC 9449, DPoP, at the token endpoint: proofs, nonces, and tokens bound to the key. At a resource: rfc9449-resource.test.ts.

import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { DpopAgent, seconds } from './dpop-agent.ts'

const broker = useBroker()
const agent = new DpopAgent(broker)
const thief = new DpopAgent(broker)

describe('the token endpoint', () => {
  test('asks for its nonce, and then gives a token that is bound to the key (§§ 5, 6.1, 8)', async () => {
    const first = await agent.ask(agent.proof())
    expect([first.status, first.body.error]).toEqual([400, 'use_dpop_nonce'])
    const nonce = first.headers['dpop-nonce']
    const answer = await agent.ask(agent.proof({ nonce }))
    expect([answer.status, answer.body.token_type]).toEqual([200, 'DPoP'])
    expect(decodeJwt(answer.body.access_token)['cnf']).toEqual({ jkt: await agent.jkt() })
    expect(answer.headers['dpop-nonce']).toMatch(/^[\w-]{22}$/)
  })

  test.each<[name: string, proof: () => Promise<string>]>([
    ['for another path', () => agent.goodProof({ htu: `${broker.running.issuer}/consume` })],
    ['for another host', () => agent.goodProof({ htu: 'https://thief.example/token' })],
    ['for another tenant', () => agent.goodProof({ htu: `${broker.running.issuer}/t/other/token` })],
    ['for another method', () => agent.goodProof({ htm: 'GET' })],
    ['a minute old', () => agent.goodProof({ iat: seconds() - 61 })],
    ['from the future', () => agent.goodProof({ iat: seconds() + 20 })],
    ['without jti', () => agent.goodProof({ jti: undefined })],
    ['of typ at+jwt', async () => await agent.goodProof({}, { typ: 'at+jwt' })],
    ['showing a private key', async () => await agent.goodProof({}, { jwk: agent.signer.privateKey.export({ format: 'jwk' }) })],
    ['signed by another key', async () => await thief.goodProof({}, { jwk: agent.signer.jwk })],
    ['that is a workload token', () => agent.subjectToken()],
    ['twice in the header', async () => `${await agent.goodProof()}, ${await agent.goodProof()}`],
  ])('refuses a proof %s as invalid_dpop_proof (§ 4.3)', async (_, proof) => {
    const { status, body } = await agent.ask(await proof())
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
    expect(body).not.toHaveProperty('access_token')
  })

  test('refuses two DPoP headers (§ 4.3, 1)', async () => {
    const dpop = [await agent.goodProof(), await agent.goodProof()]
    const { status, body } = await broker.https.send(`${broker.running.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', dpop },
      body: new URLSearchParams(broker.running.form({ subject_token: await agent.subjectToken() })).toString(),
    })
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
  })

  test('takes each proof once: of ten at the same time exactly one gets a token (§ 11.1)', async () => {
    const proof = await agent.goodProof()
    const answers = await Promise.all(Array.from({ length: 10 }, () => agent.ask(proof)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.error === 'invalid_dpop_proof')).toHaveLength(9)
  })

  test('refuses a bad proof also where a certificate would do alone', async () => {
    const { running } = broker
    const answer = await running.token(running.form(), running.certificate, { dpop: await agent.goodProof({ htm: 'GET' }) })
    expect(answer.body.error).toBe('invalid_dpop_proof')
  })

  test('refuses a stolen workload token with the thief’s own proof (row 35)', async () => {
    for (const subject of [await agent.subjectToken(), broker.running.mint()]) {
      const { status, body } = await agent.ask(await thief.goodProof(), { subject_token: subject })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
  })

  test('keeps a bearer agent’s workload token with the first DPoP key that used it (row 35)', async () => {
    const form = { subject_token: broker.running.mint({ sub: 'bearer-workload', runId: 'dpop-pinned' }) }
    expect((await agent.ask(await agent.goodProof(), form)).body.token_type).toBe('DPoP')
    expect((await agent.ask(await thief.goodProof(), form)).status).not.toBe(200)
    expect((await broker.running.token(broker.running.form(form))).status).not.toBe(200)
  })

  test('names its algorithms in the metadata (§ 5.1), and nonces count for every tenant of the origin', async () => {
    const { running } = broker
    const other = await createOtherTenant(running, 'dpop')
    const path = `${running.issuer}/.well-known/oauth-authorization-server/t/dpop`
    const { body } = await broker.https.send(path)
    expect(body.dpop_signing_alg_values_supported).toEqual(expect.arrayContaining(['ES256', 'EdDSA']))
    const proof = await agent.goodProof({ htu: `${other.issuer}/token` })
    const answer = await broker.https.send(`${other.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: proof },
      body: new URLSearchParams(running.form({ subject_token: await agent.subjectToken() })).toString(),
    })
    // Past the proof: that tenant does not know the workload's issuer.
    expect(answer.body.error).toBe('invalid_request')
  })
})
