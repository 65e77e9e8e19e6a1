// MCP servers of the SDK, each as somebody would put it behind the guard.

import { randomUUID } from 'node:crypto'
import type { createServer } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import express from 'express'
import { Hono } from 'hono'
import { z } from 'zod'
import { callerOf, type McpGuard } from '../../src/adapters/mcp.ts'
import { peerThumbprint } from '../../src/adapters/node.ts'

/** Two tools; the first says who called it. */
function tools(): McpServer {
  const server = new McpServer({ name: 'library', version: '1.0.0' })
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool('search', { inputSchema: { index: z.string() } }, async (_, extra) =>
    text(`${callerOf(extra).token.account_id} ${extra.authInfo?.clientId} ${extra.authInfo?.token}`),
  )
  server.registerTool('delete', { inputSchema: { index: z.string() } }, async () => text('gone'))
  server.registerResource('secret', 'file:///secret', {}, async () => ({ contents: [{ uri: 'file:///secret', text: 'secret' }] }))
  return server
}

/** A listener behind a guard. */
export type Serve = (guard: McpGuard) => Parameters<typeof createServer>[1]

/** A transport for each request. */
export const stateless: Serve = guard => {
  const app = express()
  app.all('/v1', guard, async (request, response) => {
    const transport = new StreamableHTTPServerTransport()
    await tools().connect(transport as Transport)
    await transport.handleRequest(request, response, request.body)
  })
  return app
}

/** As the SDK makes an app: its body parser stands before the guard. */
export const parsedBefore: Serve = guard => {
  const app = createMcpExpressApp()
  app.use(stateless(guard) as express.Express)
  return app
}

/** The transport reads the message itself, once more. */
export const readAgain: Serve = guard => (request, response) =>
  guard(request, response, async () => {
    const transport = new StreamableHTTPServerTransport()
    await tools().connect(transport as Transport)
    await transport.handleRequest(request, response)
  })

export const overWeb: Serve = guard => {
  const app = new Hono<{ Bindings: { incoming: { socket: unknown } } }>()
  app.all('/v1', c => guard.handle(c.req.raw, answerWeb, peerThumbprint(c.env.incoming.socket)))
  return getRequestListener((request, env) => app.fetch(request, env as never))
}

async function answerWeb(request: Request, known: object): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport()
  await tools().connect(transport as Transport)
  return transport.handleRequest(request, known)
}

/** Sessions, kept by their id. */
export const stateful: Serve = guard => {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void sessions.set(id, transport),
    })
    await tools().connect(transport as Transport)
    return transport
  }
  return (request, response) =>
    guard(request, response, async () => {
      const id = request.headers['mcp-session-id']?.toString()
      const transport = id === undefined ? await open() : sessions.get(id)
      if (transport) await transport.handleRequest(request, response)
      else response.writeHead(404).end()
    })
}
