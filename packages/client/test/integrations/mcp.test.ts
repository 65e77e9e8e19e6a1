// `@modelcontextprotocol/sdk`'s client at a server on real sockets: which tokens it gets and sends.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, describe, expect, test } from 'vitest'
import type { Received } from '../../../test/tls.ts'
import { type McpAccess, mcpAuthProvider, mcpTransport } from '../../src/integrations/mcp.ts'
import { type Given, useWorld } from '../world.ts'

const world = useWorld()
const resource = () => `${world.api.origin}/mcp`
const access = (): McpAccess => ({ resource: resource(), tools: ['read_order', 'create_issue'], taskId: 'task-1' })
const open: Client[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(client => client.close()))
})

const asked = () => world.exchanges().map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
const tools = (form: Record<string, string>) => JSON.parse(form['authorization_details']!)[0].actions
const calls = () => world.api.received.filter(({ body }) => body.includes('tools/call'))

/** A server of two tools. */
function serveTools(refuse: (received: Received) => Given | undefined = () => undefined): void {
  const answerOf: Record<string, object> = {
    initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'orders', version: '1' } },
    'tools/list': { tools: [] },
    'tools/call': { content: [{ type: 'text', text: 'done' }] },
  }
  world.answerApi = received => {
    if (received.method !== 'POST') return { status: 405 }
    const { id, method } = JSON.parse(received.body)
    const refused = refuse(received)
    if (refused) return refused
    return id === undefined ? { status: 202 } : { status: 200, body: { jsonrpc: '2.0', id, result: answerOf[method] } }
  }
}

async function connect(options: StreamableHTTPClientTransportOptions): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(resource()), options) as never)
  open.push(client)
  return client
}

describe('mcpTransport', () => {
  test('opens the session with a token for the named tools, and calls each with one for that tool alone, in the same account', async () => {
    serveTools()
    const client = await connect(mcpTransport(world.client(), access()))
    await client.listTools()
    expect(await client.callTool({ name: 'read_order', arguments: { id: '42' } })).toMatchObject({ content: [{ text: 'done' }] })
    await client.callTool({ name: 'create_issue' })
    await client.callTool({ name: 'read_order', arguments: { id: '43' } })
    expect(asked().map(tools)).toEqual([['read_order', 'create_issue'], ['read_order'], ['create_issue']])
    expect(asked().map(form => form['task_id'] ?? form['account_id'])).toEqual(['task-1', 'acct_1', 'acct_1'])
    expect(calls().map(({ headers }) => headers.authorization)).toEqual(['Bearer token-2', 'Bearer token-3', 'Bearer token-2'])
  })

  test('holds arguments to what they are, where that is asked', async () => {
    serveTools()
    const holdArguments = (_: string, { repo }: Readonly<Record<string, unknown>>) => ({ repo: String(repo) })
    const client = await connect(mcpTransport(world.client(), { ...access(), holdArguments }))
    await client.callTool({ name: 'create_issue', arguments: { repo: 'acme/shop', title: 'A lamp is broken' } })
    expect(JSON.parse(asked()[1]!['authorization_details']!)[0].arguments).toEqual({ repo: 'acme/shop' })
  })

  test('calls no tool that was not named', async () => {
    serveTools()
    const client = await connect(mcpTransport(world.client(), access()))
    await expect(client.callTool({ name: 'delete_everything' })).rejects.toThrow('not among those')
    expect([calls().length, world.exchanges().length]).toEqual([0, 1])
  })

  test('replaces a token that was revoked, and the call is made once more', async () => {
    const invalid = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
    serveTools(({ headers }) => (headers.authorization === 'Bearer token-2' ? invalid : undefined))
    const client = await connect(mcpTransport(world.client(), access()))
    await client.callTool({ name: 'read_order' })
    expect(calls().map(({ headers }) => headers.authorization)).toEqual(['Bearer token-2', 'Bearer token-3'])
  })

  test('proves a DPoP key with each message', async () => {
    serveTools()
    world.answerToken = () => world.granted({ token_type: 'DPoP' })
    const client = await connect(mcpTransport(world.client({ dpop: true }), access()))
    await client.callTool({ name: 'read_order' })
    const [call] = calls()
    expect([call?.headers.authorization, typeof call?.headers['dpop']]).toEqual(['DPoP token-2', 'string'])
  })

  test('sends no token to a server outside the resource', async () => {
    const { fetch } = mcpTransport(world.client(), { ...access(), resource: 'https://mcp.example/mcp' })
    await expect(fetch(resource(), { method: 'GET' })).rejects.toMatchObject({ error: 'invalid_use' })
    expect(world.api.received).toHaveLength(0)
  })
})

describe('mcpAuthProvider', () => {
  test('gives a bearer token that is always fresh, and refuses one that is bound to a DPoP key', async () => {
    const provider = mcpAuthProvider(world.client(), access())
    expect(await provider.tokens()).toMatchObject({ access_token: 'token-1', token_type: 'Bearer' })
    world.answerToken = () => world.granted({ token_type: 'DPoP' })
    const bound = mcpAuthProvider(world.client({ dpop: true }), access())
    await expect(Promise.resolve(bound.tokens())).rejects.toMatchObject({ error: 'invalid_use' })
  })

  test('says why a server’s refusal stands: the account has ended', async () => {
    const provider = mcpAuthProvider(world.client(), access())
    await provider.tokens()
    world.answerToken = () => ({ status: 400, body: { error: 'access_denied', error_description: 'The account has ended.' } })
    await expect(Promise.resolve(provider.prepareTokenRequest?.())).rejects.toMatchObject({ error: 'access_denied' })
  })
})
