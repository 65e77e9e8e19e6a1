// A guarded API and a guarded MCP server at a running broker, each registered as a resource, with its own credential and the feed.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import express from 'express'
import Fastify from 'fastify'
import { z } from 'zod'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { freePort } from '#test/setup/free-port.ts'
import type { RunningBroker } from '#test/setup/running-broker.ts'
import { mayfly as onFastify } from '../../packages/guard/src/adapters/fastify.ts'
import { callerOf, mayfly as onMcp } from '../../packages/guard/src/adapters/mcp.ts'

export interface GuardedServer {
  /** Its address, and the resource that it is. */
  readonly url: string
  /** Ids of the tokens that were let in. */
  readonly seen: string[]
  close(): Promise<void>
}

/** Reads orders: `GET /orders/:id`. */
export async function startOrders(running: RunningBroker): Promise<GuardedServer> {
  const url = `https://localhost:${await freePort()}/v1`
  const guard = await register(running, url, {
    type: 'agent_http',
    locations: [url],
    methods: ['GET'],
    uri_template: '/orders/{id}',
  })
  const seen: string[] = []
  const app = Fastify({ https: { ...(await tlsOf(running)), requestCert: true, rejectUnauthorized: true } })
  await app.register(onFastify, guard)
  app.get('/v1/orders/:id', { config: { mayfly: { scope: ['orders:read'] } } }, async request => {
    seen.push(request.mayfly!.token.jti)
    return { id: (request.params as { id: string }).id }
  })
  await app.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })
  return { url, seen, close: () => app.close() }
}

/** Has two tools, of which agents may call `find`. */
export async function startLibrary(running: RunningBroker): Promise<GuardedServer> {
  const url = `https://localhost:${await freePort()}/mcp`
  const guard = onMcp(await register(running, url, { type: 'agent_tool', locations: [url], actions: ['find'] }))
  const seen: string[] = []
  const app = express()
  app.all('/mcp', guard, async (request, response) => {
    const transport = new StreamableHTTPServerTransport()
    await libraryOf(seen).connect(transport as Transport)
    await transport.handleRequest(request, response, request.body)
  })
  const server = createServer({ ...(await tlsOf(running)), requestCert: true, rejectUnauthorized: true }, app)
  await new Promise<void>(resolve => server.listen(Number(new URL(url).port), '127.0.0.1', resolve))
  if ((server.address() as AddressInfo).port === 0) throw new Error('the library does not listen')
  return {
    url,
    seen,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await guard.close()
    },
  }
}

function libraryOf(seen: string[]): McpServer {
  const server = new McpServer({ name: 'library', version: '1.0.0' })
  server.registerTool('find', { inputSchema: { shelf: z.string() } }, async (_, extra) => {
    const { token } = callerOf(extra)
    seen.push(token.jti)
    return { content: [{ type: 'text', text: `${token.account_id} ${JSON.stringify(token.authorization_details)}` }] }
  })
  server.registerTool('delete', { inputSchema: { shelf: z.string() } }, async () => ({
    content: [{ type: 'text', text: 'gone' }],
  }))
  return server
}

type Detail = Readonly<Record<string, unknown>> & { readonly type: string }

/** Registers a resource that the agent may be granted `detail` for. Returns what its guard is made of. */
async function register(running: RunningBroker, url: string, detail: Detail) {
  const made = await running.v1('POST', '/v1/resources', {
    uri: url,
    name: `At ${new URL(url).port}`,
    scopes: [{ name: 'orders:read', description: 'Read orders' }],
    details_types: [detail.type],
    enforces: ['cnf', 'rar', 'feed'],
  })
  if (made.status !== 201) throw new Error(`registration failed: ${made.text}`)
  const credential = (await running.v1('POST', `/v1/resources/${made.body.id}/credentials`, { name: 'guard' })).body
  await changeRegistration(running, `/v1/agents/${running.ids.agent}`, ({ ceiling }) => ({
    ceiling: { ...ceiling, authorization_details: [...ceiling.authorization_details, detail] },
  }))
  const tls = { ca: running.ca.certificatePem }
  return { issuer: running.issuer, resource: url, credential: (credential.secret ?? credential.token) as string, tls }
}

async function tlsOf({ ca }: RunningBroker) {
  const { chainPem: cert, keyPem: key } = await issueServerCertificate(ca, { hosts: ['localhost'], now: new Date() })
  return { cert, key, ca: ca.certificatePem }
}
