// MCP servers of the SDK behind the guard, called by the SDK's own client over TLS.

import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { Agent, fetch as undiciFetch } from 'undici'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Pem } from '../../../test/tls.ts'
import { callerOf, type McpGuardOptions, mayfly } from '../../src/adapters/mcp.ts'
import type { Reason } from '../../src/index.ts'
import { resource } from '../issuer.ts'
import { overWeb, parsedBefore, readAgain, type Serve, stateful, stateless } from './mcp-servers.ts'
import { type Answer, type Call, call, guardOptions, newWorld, revokedId, tokenFor, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await newWorld()
})

const search = { type: 'agent_tool', locations: [resource], actions: ['search'], arguments: { index: 'public' } }

interface Running {
  readonly port: number
  readonly reasons: Reason[]
  readonly server: Server
}

const running: Running[] = []
const clients: Client[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.close()))
})
afterAll(() => {
  for (const { server } of running) server.closeAllConnections()
})

async function start(serve: Serve, more: Partial<McpGuardOptions> = {}): Promise<Running> {
  const reasons: Reason[] = []
  const guard = mayfly({ ...guardOptions(reasons), ...more } as McpGuardOptions)
  const server = createServer(world.tls, serve(guard))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const it = { port: (server.address() as AddressInfo).port, reasons, server }
  running.push(it)
  return it
}

/** The SDK's client, with a certificate and a token. */
async function connect({ port }: Running, as: Pem, token: string): Promise<Client> {
  const dispatcher = new Agent({ connect: { ca: world.authority.pem, cert: as.cert, key: as.key } })
  const transport = new StreamableHTTPClientTransport(new URL(`https://localhost:${port}/v1`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher } as never) as never,
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport as Transport)
  clients.push(client)
  return client
}

const granted = (...details: object[]) => ({ authorization_details: details })
const message = (method: string, params: object = {}) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const asMcp = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

describe.each([
  ['Express', stateless],
  ['Express with a body parser before', parsedBefore],
  ['Node, where the transport reads the message again', readAgain],
  ['Hono and the Web transport', overWeb],
])('%s', (_, serve) => {
  let server: Running
  beforeAll(async () => {
    server = await start(serve)
  })
  const post = (body: string, more: Partial<Call> = {}): Promise<Answer> => {
    const token = tokenFor(world.agent, granted(search))
    return call(server.port, world, { path: '/v1', method: 'POST', as: world.agent, token, body, headers: asMcp, ...more })
  }

  test('a client opens the session, lists, and calls the tool that it was granted, which learns who calls', async () => {
    const token = tokenFor(world.agent, { ...granted(search), jti: 'at_1' })
    const client = await connect(server, world.agent, token)
    expect((await client.listTools()).tools).toHaveLength(2)
    const result = await client.callTool({ name: 'search', arguments: { index: 'public' } })
    // The tool is given the token's id and never the token.
    expect(result.content).toEqual([{ type: 'text', text: 'acct_1 agt_1 at_1' }])
  })

  test('refuses another tool, other arguments, and a resource', async () => {
    const client = await connect(server, world.agent, tokenFor(world.agent, granted(search)))
    await expect(client.callTool({ name: 'delete', arguments: { index: 'public' } })).rejects.toThrow('insufficient_scope')
    await expect(client.callTool({ name: 'search', arguments: { index: 'private' } })).rejects.toThrow('insufficient_scope')
    await expect(client.callTool({ name: 'search' })).rejects.toThrow('insufficient_scope')
    await expect(client.readResource({ uri: 'file:///secret' })).rejects.toThrow('insufficient_scope')
    expect(server.reasons.at(-1)).toBe('operation_not_granted')
  })

  test('refuses who has no token, and says where the metadata is', async () => {
    const answer = await post(message('initialize'), { token: undefined })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toContain('resource_metadata="https://api.example/.well-known/')
  })

  test('refuses a stolen token, a revoked one, and one for something else only', async () => {
    const stolen = await post(message('tools/list'), { as: world.thief })
    expect(stolen.status).toBe(401)
    const revoked = tokenFor(world.agent, { ...granted(search), jti: revokedId })
    expect((await post(message('tools/list'), { token: revoked })).status).toBe(401)
    const elsewhere = tokenFor(world.agent, granted({ ...search, locations: ['https://other.example/'] }))
    expect((await post(message('tools/list'), { token: elsewhere })).status).toBe(403)
  })

  test.each([
    ['a batch', `[${message('tools/list')}]`, {}],
    ['a method that is not known', message('tasks/result'), {}],
    ['a tool without a name', message('tools/call', { arguments: {} }), {}],
    ['arguments that are no object', message('tools/call', { name: 'search', arguments: [] }), {}],
    ['no JSON', 'nothing', {}],
    ['another charset', message('tools/list'), { 'content-type': 'application/json; charset=utf-16le' }],
    ['UTF-7, where quotes can hide', message('tools/list'), { 'content-type': 'application/json; charset=utf-7' }],
    ['a compressed body', message('tools/list'), { 'content-encoding': 'gzip' }],
  ])('lets nothing through in %s', async (_, body, headers) => {
    const answer = await post(body, { headers: { ...asMcp, ...headers } })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.text).not.toContain('"result"')
  })

  test('lets nothing through that two parsers could read differently', async () => {
    const twice = `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"delete","arguments":{"index":"x"}}}`
    const turned = `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list","params":{"name":"delete","arguments":{"index":"x"}}}`
    for (const body of [twice, turned]) expect((await post(body)).text).not.toContain('gone')
  })
})

describe('a session', () => {
  const open = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } }
  const opening = (port: number, token: string) =>
    call(port, world, {
      path: '/v1',
      method: 'POST',
      as: world.agent,
      token,
      body: message('initialize', open),
      headers: asMcp,
    })

  test('belongs to the account that opened it: for others it is not there', async () => {
    const { port } = await start(stateful)
    const mine = tokenFor(world.agent, granted(search))
    const opened = await opening(port, mine)
    const headers = { ...asMcp, 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const other = tokenFor(world.agent, { ...granted(search), account_id: 'acct_2', sub: 'acct_2' })
    const list = (token: string, method = 'POST') =>
      call(port, world, {
        path: '/v1',
        method,
        as: world.agent,
        token,
        headers,
        ...(method === 'POST' && { body: message('tools/list') }),
      })
    expect((await list(other)).status).toBe(404)
    expect((await list(other, 'GET')).status).toBe(404)
    expect((await list(other, 'DELETE')).status).toBe(404)
    expect((await list(mine)).status).toBe(200)
    expect((await list(mine, 'DELETE')).status).toBe(200)
  })

  test('belongs to it also where it made one up when it opened it', async () => {
    const guard = mayfly(guardOptions([]) as McpGuardOptions)
    const ask = (account: string, session: string) => {
      const token = tokenFor(world.agent, { ...granted(search), account_id: account, sub: account })
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'mcp-session-id': session }
      const request = new Request('https://api.example/v1', { method: 'POST', headers, body: message('initialize', open) })
      const serve = async () => new Response('{}', { headers: { 'mcp-session-id': 'opened' } })
      return guard.handle(request, serve, world.agent.der)
    }
    expect((await ask('acct_1', 'made-up')).status).toBe(200)
    expect((await ask('acct_2', 'opened')).status).toBe(404)
  })

  test('belongs to it also where the query names it, as with the older transport', async () => {
    const guard = mayfly(guardOptions([]) as McpGuardOptions)
    const ask = (account: string, header: object = {}) => {
      const token = tokenFor(world.agent, { ...granted(search), account_id: account, sub: account })
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...header }
      const body = message('notifications/cancelled', { requestId: 1 })
      const request = new Request('https://api.example/v1/messages?sessionId=one', { method: 'POST', headers, body })
      return guard.handle(request, async () => new Response(null, { status: 202 }), world.agent.der)
    }
    expect((await ask('acct_1')).status).toBe(202)
    expect((await ask('acct_2')).status).toBe(404)
    expect((await ask('acct_2', { 'mcp-session-id': 'own' })).status).toBe(404)
    expect((await ask('acct_1')).status).toBe(202)
  })

  test('keeps its stream no longer than the token that opened it', async () => {
    const { port } = await start(stateful)
    const opened = await opening(port, tokenFor(world.agent, granted(search)))
    const headers = { ...asMcp, 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const token = tokenFor(world.agent, { ...granted(search), exp: Math.floor(Date.now() / 1000) + 2 })
    const stream = call(port, world, { path: '/v1', as: world.agent, token, headers })
    await expect(stream).rejects.toThrow(/aborted|reset|hang up/)
  })

  test('nor longer than until it is revoked, or until that cannot be known', async () => {
    const told = { revoked: false, known: true }
    const isRevoked = (): boolean => {
      if (!told.known) throw new Error('no feed')
      return told.revoked
    }
    const { port } = await start(stateful, { isRevoked } as never)
    const token = tokenFor(world.agent, granted(search))
    for (const happens of [{ revoked: true }, { known: false }]) {
      Object.assign(told, { revoked: false, known: true })
      const opened = await opening(port, token)
      const headers = { ...asMcp, 'mcp-session-id': String(opened.headers['mcp-session-id']) }
      const stream = call(port, world, { path: '/v1', as: world.agent, token, headers })
      const ended = expect(stream).rejects.toThrow(/aborted|reset|hang up/)
      setTimeout(() => Object.assign(told, happens), 200)
      await ended
    }
  })

  test('nor does one over the Web', async () => {
    const guard = mayfly(guardOptions([]) as McpGuardOptions)
    const token = tokenFor(world.agent, { ...granted(search), exp: Math.floor(Date.now() / 1000) + 2 })
    const request = new Request('https://api.example/v1', { headers: { authorization: `Bearer ${token}` } })
    const response = await guard.handle(request, async () => new Response(new ReadableStream()), world.agent.der)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow('over')
  })
})

test('what else messages do can be said by the author of the server', async () => {
  const secret = { type: 'agent_row', locations: [resource], actions: ['read'], identifier: 'secret' }
  const server = await start(stateless, {
    operation: ({ method, params }) =>
      method === 'resources/read' && params['uri'] === 'file:///secret'
        ? { type: 'agent_row', action: 'read', identifier: 'secret' }
        : undefined,
  })
  const client = await connect(server, world.agent, tokenFor(world.agent, granted(secret)))
  expect(await client.readResource({ uri: 'file:///secret' })).toMatchObject({ contents: [{ text: 'secret' }] })
  await expect(client.callTool({ name: 'search', arguments: { index: 'public' } })).rejects.toThrow('insufficient_scope')
})

test('a tool that is reached past the guard gets nobody for a caller', () => {
  expect(() => callerOf({})).toThrow('past the guard')
  expect(() => callerOf({ authInfo: { token: 'x', clientId: 'x', scopes: [] } })).toThrow('past the guard')
})
