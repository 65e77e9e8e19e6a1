// Debian's nginx with the very configuration of docs/how-to/guard-proxy.md, an API behind it that knows nothing of tokens, and
// agents with real certificates in front.

import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningGuardProxy } from '#apps/guard-proxy/guard-proxy.ts'
import { freePort } from '#test/setup/free-port.ts'
import { hasProxies, nginxTemporaryFiles, type RunningProxy, startProxy } from '#test/setup/proxies.ts'
import { type Answer, type Call, call, newWorld, type World } from '../../../packages/guard/test/adapters/world.ts'
import { resource } from '../../../packages/guard/test/issuer.ts'
import { makeProof, newProofSigner, proofClaims } from '../../../packages/guard/test/proof-maker.ts'
import { revokedId, startProxyWith, tokenFor } from './setup.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/how-to/guard-proxy.md'), 'utf8')
const block = /```nginx\n([\s\S]*?)```/.exec(page)?.[1] ?? ''

interface Ports {
  readonly nginx: number
  readonly guard: number
  readonly api: number
}

const configuration = (ports: Ports) => (folder: string) =>
  `
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 128; }
http {
  access_log off;
  ${nginxTemporaryFiles(folder)}
  ${block
    .replace('listen 443', `listen 127.0.0.1:${ports.nginx}`)
    .replaceAll('/etc/nginx/', `${folder}/`)
    .replaceAll('127.0.0.1:9080', `127.0.0.1:${ports.guard}`)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${ports.api}`)}
}
`

describe.skipIf(!hasProxies)('nginx with auth_request', () => {
  let world: World
  let guard: RunningGuardProxy
  let nginx: RunningProxy
  let api: Server
  let port: number
  const seen: { url: string; method: string; headers: IncomingHttpHeaders; body: string }[] = []

  beforeAll(async () => {
    world = await newWorld()
    guard = await startProxyWith({ MAYFLY_REPLAY: 'pop challenge', MAYFLY_DPOP_NONCES: 'true' })
    api = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { url = '', method = '', headers } = request
      seen.push({ url, method, headers, body: Buffer.concat(chunks).toString() })
      response.end('{"id":42}')
    })
    await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
    port = await freePort()
    const ports = { nginx: port, guard: guard.port, api: (api.address() as AddressInfo).port }
    const files = { 'orders.pem': `${world.tls.cert}\n${world.tls.key}`, 'agents-ca.pem': world.authority.pem }
    nginx = await startProxy('nginx', files, configuration(ports), [port])
  })
  afterAll(async () => {
    await nginx?.stop()
    await guard?.close()
    api?.close()
  })

  const send = (path: string, more: Partial<Call> = {}, change: object = {}): Promise<Answer> =>
    call(port, world, { path, as: world.agent, token: tokenFor(world.agent.der, change), ...more })

  test('lets the holder in, and tells the API who calls, whatever the caller says of itself', async () => {
    const forged = { 'x-mayfly-account': 'acct_admin', 'x-mayfly-agent': 'agt_admin', 'x-mayfly-subject': 'acct_admin' }
    expect(await send('/v1/flights/42', { headers: forged })).toMatchObject({ status: 200, body: { id: 42 } })
    const { headers, url, method } = seen.at(-1)!
    expect([method, url]).toEqual(['GET', '/v1/flights/42'])
    expect(headers).toMatchObject({
      'x-mayfly-account': 'acct_1',
      'x-mayfly-subject': 'acct_1',
      'x-mayfly-agent': 'agt_1',
      'x-mayfly-task': 'tsk_1',
    })
    expect(headers.authorization).toBeUndefined()
  })

  test('hands the body on, which the guard never sees', async () => {
    const flights = { type: 'agent_http', locations: [resource], methods: ['POST'], uri_template: '/flights' }
    const answer = await send('/v1/flights', { method: 'POST', body: '{"to":"Oslo"}' }, { authorization_details: [flights] })
    expect([answer.status, seen.at(-1)?.body]).toEqual([200, '{"to":"Oslo"}'])
  })

  test('14: headers with the agent’s certificate do not make the thief the agent', async () => {
    const headers = { 'ssl-client-cert': encodeURIComponent(world.agent.cert), 'ssl-client-verify': 'SUCCESS' }
    for (const as of [world.thief, undefined]) expect((await send('/v1/flights/42', { as, headers })).status).toBe(401)
  })

  test.each<[string, () => Promise<Answer>, number]>([
    ['no token', () => send('/v1/flights/42', { token: undefined }), 401],
    ['a thief’s certificate', () => send('/v1/flights/42', { as: world.thief }), 401],
    ['no certificate', () => send('/v1/flights/42', { as: undefined }), 401],
    ['a revoked token', () => send('/v1/flights/42', {}, { jti: revokedId }), 401],
    ['another method', () => send('/v1/flights/42', { method: 'DELETE' }), 403],
    ['HEAD in place of GET', () => send('/v1/flights/42', { method: 'HEAD' }), 403],
    ['OPTIONS', () => send('/v1/flights/42', { method: 'OPTIONS' }), 403],
    ['another path', () => send('/v1/admin'), 403],
    ['a path of the caller’s own choice', () => send('/v1/admin', { headers: { 'x-original-uri': '/v1/flights/42' } }), 403],
    ['a method of its own choice', () => send('/v1/flights/42', { method: 'PUT', headers: { 'x-original-method': 'GET' } }), 403],
    ['a trailing slash', () => send('/v1/flights/42/'), 403],
    ['an encoded slash', () => send('/v1/flights/..%2fadmin'), 403],
    ['dot segments, which nginx resolves', () => send('/v1/flights/../flights/42'), 403],
    ['an empty segment, which nginx merges', () => send('/v1//flights/42'), 403],
    ['a query', () => send('/v1/flights/42?all=1'), 403],
    ['the guard’s own location', () => send('/mayfly'), 404],
  ])('refuses %s, and the API hears nothing', async (_, refused, status) => {
    const before = seen.length
    const answer = await refused()
    expect([answer.status, seen.length]).toEqual([status, before])
  })

  test('hands on what tells a caller how to go on', async () => {
    const nobody = await send('/v1/flights/42', { token: undefined })
    expect(nobody.headers['www-authenticate']).toContain('resource_metadata="https://api.example/.well-known/')
    expect(nobody.headers['task-nonce']).toBeDefined()
    const elsewhere = await send('/v1/admin')
    expect(elsewhere.headers['www-authenticate']).toContain('error="insufficient_scope"')
    expect(await send('/.well-known/oauth-protected-resource/v1', { token: undefined })).toMatchObject({
      status: 200,
      body: { resource },
    })
  })

  test.each(['/v1', '/v1?x', 's', '/../x/../oauth-protected-resource/v1x', '/v1/%2e', '/v%31x'])(
    'where the metadata is, a caller is no proxy: nobody judges what its headers say (%s)',
    async rest => {
      const answer = await send(`/.well-known/oauth-protected-resource${rest}`, {
        as: world.thief,
        headers: {
          'x-original-method': 'GET',
          'x-original-uri': '/v1/flights/42',
          'ssl-client-verify': 'SUCCESS',
          'ssl-client-cert': encodeURIComponent(world.agent.cert),
        },
      })
      expect(answer.headers['x-mayfly-account']).toBeUndefined()
      expect([rest, answer.status]).toEqual([rest, rest === '/v1' ? 200 : 404])
    },
  )

  test('takes DPoP proofs, and hands on the nonce that the next one must carry', async () => {
    const signer = newProofSigner()
    const token = tokenFor(world.agent.der, { cnf: { jkt: signer.jkt } })
    const iat = Math.floor(Date.now() / 1000)
    const show = (nonce?: unknown): Promise<Answer> => {
      const dpop = makeProof(signer, proofClaims(token, { iat, nonce }))
      return call(port, world, { path: '/v1/flights/42', headers: { authorization: `DPoP ${token}`, dpop } })
    }
    const first = await show()
    expect([first.status, first.headers['www-authenticate']]).toEqual([401, expect.stringContaining('use_dpop_nonce')])
    const second = await show(first.headers['dpop-nonce'])
    expect(second).toMatchObject({ status: 200, headers: { 'dpop-nonce': expect.any(String) } })
  })

  test('lets nothing through while the guard is away', async () => {
    await guard.close()
    const before = seen.length
    expect((await send('/v1/flights/42')).status).toBe(500)
    expect(seen.length).toBe(before)
  })
})
