// DPoP through the plugin, on a real server: what stands in the headers both ways.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mayfly } from '../src/adapters/fastify.ts'
import { claimsWith, issuer, jwks, resource, signToken } from './issuer.ts'
import { makeProof, newProofSigner, proofClaims } from './proof-maker.ts'

const agent = newProofSigner()
const seconds = () => Math.floor(Date.now() / 1000)
let app: FastifyInstance
let token: string

beforeAll(async () => {
  token = signToken(claimsWith({ iat: seconds(), exp: seconds() + 300, cnf: { jkt: agent.jkt } }))
  app = Fastify()
  await app.register(mayfly, { issuer, resource, jwks, revocation: { mode: 'none' }, dpop: { nonces: true } })
  app.get('/v1/flights/:id', request => ({ task: request.mayfly?.token.task_id }))
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

function call(dpop: string | string[], headers: object = {}): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo
  const sent = { authorization: `DPoP ${token}`, dpop, ...headers }
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: '/v1/flights/42', headers: sent }, response => {
      response.resume()
      resolve(response)
    })
      .on('error', reject)
      .end()
  })
}
const proof = (change: object = {}) => makeProof(agent, proofClaims(token, { iat: seconds(), ...change }))

test('a proof without nonce is sent back with one, which the next proof carries; the answer hands on the newest', async () => {
  const first = await call(proof())
  expect(first.statusCode).toBe(401)
  expect(first.headers['www-authenticate']).toContain('error="use_dpop_nonce"')
  const nonce = first.headers['dpop-nonce']
  const second = await call(proof({ nonce }))
  expect([second.statusCode, second.headers['dpop-nonce']]).toEqual([200, nonce])
})

test('two DPoP headers are refused, though each of the proofs is good', async () => {
  const nonce = (await call(proof())).headers['dpop-nonce']
  const answer = await call([proof({ nonce }), proof({ nonce })])
  expect(answer.statusCode).toBe(401)
  expect(answer.headers['www-authenticate']).toContain('error="invalid_dpop_proof"')
  expect((await call(proof({ nonce }))).statusCode).toBe(200)
})

test('a proof for the address that Host names is refused', async () => {
  const nonce = (await call(proof())).headers['dpop-nonce']
  const htu = 'http://thief.example/v1/flights/42'
  expect((await call(proof({ nonce, htu }), { host: 'thief.example' })).statusCode).toBe(401)
})
