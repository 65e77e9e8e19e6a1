// The guard for MCP servers made with `@modelcontextprotocol/sdk` (streamable HTTP): each call of a tool needs the permission
// `agent_tool` for that tool and these arguments. The message is parsed once, here, strictly; what was judged is what is handed on.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import type { Guard } from '../guard.ts'
import type { Operation } from '../request.ts'
import type { Allowed } from '../verdict.ts'
import { guardOf, type NodeAdapterOptions } from './adapter-options.ts'
import { isUtf8, type OperationOfMessage, operationOf, parseMessage } from './mcp-message.ts'
import { McpSessions, sessionNotFound, sessionsNamed } from './mcp-sessions.ts'
import { createMiddleware, type Middleware } from './node.ts'
import { isBodyRead } from './peek-body.ts'
import { isMetadataRequest, metadataResponse, refusalResponse, verifyByRule } from './web.ts'
import { whileItHolds } from './while-it-holds.ts'

export type { McpMessage, OperationOfMessage } from './mcp-message.ts'

/** A request as `StreamableHTTPServerTransport.handleRequest` takes it. */
interface McpRequest extends IncomingMessage {
  auth?: AuthInfo
  body?: unknown
}

/** Options of the adapter. */
export type McpGuardOptions = NodeAdapterOptions<IncomingMessage | Request> & {
  /** Says what messages do that are no calls of tools, for example `resources/read`; without it they are refused. */
  readonly operation?: OperationOfMessage
}

/** What `WebStandardStreamableHTTPServerTransport.handleRequest` takes beside the request. */
export interface McpRequestOptions {
  readonly authInfo: AuthInfo
  readonly parsedBody?: unknown
}

/** The guard as Connect middleware, with the same for servers over the Web's `Request`. */
export interface McpGuard extends Middleware {
  /**
   * Serves a `Request` where the guard lets it in. certificate: of the TLS peer, DER or thumbprint.
   *
   * @example
   * app.all('/mcp', c => guard.handle(c.req.raw, (request, known) => transport.handleRequest(request, known)))
   */
  handle(
    request: Request,
    serve: (request: Request, known: McpRequestOptions) => Promise<Response>,
    certificate?: Uint8Array | string,
  ): Promise<Response>
  /** Serves the RFC 9728 document at its address, and nothing else. */
  readonly metadata: Middleware
  readonly guard: Guard
  /** Sends decisions that wait, and ends connections to the broker; not of a guard that was handed in. */
  close(): Promise<void>
}

/** As large as the SDK's own limit. */
const defaultMessageBytes = 4 * 1024 * 1024
const sessionHeader = 'mcp-session-id'

/**
 * Guards an MCP server. Tools find who calls by `callerOf(extra)`, and in `extra.authInfo` as the SDK has it.
 *
 * @example
 * const guard = mayfly({ issuer, resource: 'https://tools.example/mcp', credential })
 * app.all('/mcp', guard, (request, response) => transport.handleRequest(request, response, request.body))
 */
export function mayfly(options: McpGuardOptions): McpGuard {
  const { guard, close } = guardOf(options)
  const settings: McpGuardOptions = { ...options, guard, bodyLimitBytes: options.bodyLimitBytes ?? defaultMessageBytes }
  const sessions = new McpSessions()
  const node = createMiddleware<McpRequest>(settings)
  const judge = node.route({ operation: (request, readBody) => readNodeMessage(request, readBody, options.operation) })
  const proceed: Middleware = (request, response, next) =>
    judge(request, response, error => {
      if (error) return next(error)
      if (enterSession(request, response, sessions, guard)) next()
    })
  const middleware: Middleware =
    options.serveMetadata === false
      ? proceed
      : (request, response, next) =>
          node.metadata(request, response, error => (error ? next(error) : proceed(request, response, next)))
  const handle: McpGuard['handle'] = async (request, serve, certificate) =>
    options.serveMetadata !== false && isMetadataRequest(guard, request)
      ? metadataResponse(guard)
      : handleWeb(request, serve, { settings, guard, sessions, certificate })
  return Object.assign(middleware, { handle, metadata: node.metadata, guard, close })
}

/** The verdict that let a call in, from what a tool is given as `extra`. Throws where no guard stood in front of the server. */
export function callerOf({ authInfo }: { readonly authInfo?: AuthInfo | undefined }): Allowed {
  const allowed = authInfo?.extra?.['mayfly'] as Allowed | undefined
  if (!allowed) throw new Error('This call came past the guard.')
  return allowed
}

/** GET opens the stream of a session and DELETE ends it; everything else is said by a message. */
const operationOfMethod = (method: string | undefined): Operation | undefined =>
  method === 'GET' || method === 'DELETE' ? { type: 'presence' } : undefined

async function readNodeMessage(
  request: McpRequest,
  readBody: () => Promise<Buffer>,
  others: OperationOfMessage | undefined,
): Promise<Operation | undefined> {
  if (request.method !== 'POST') return operationOfMethod(request.method)
  const { 'content-type': type, 'content-encoding': encoding } = request.headers
  // A parser that stood before us has left what the transport will be given; else it is given what is parsed here.
  if (!isBodyRead(request)) request.body = parseMessage(await readBody(), type, encoding)
  return isUtf8(type) ? operationOf(request.body, others) : undefined
}

/** False where the session is another account's; then the answer is given. */
function enterSession(request: McpRequest, response: ServerResponse, sessions: McpSessions, guard: Guard): boolean {
  const allowed = request.mayfly as Allowed
  const { account_id: account } = allowed.token
  const named = sessionsNamed(request.headers[sessionHeader]?.toString(), request.url)
  if (!named.every(session => sessions.isOpenTo(session, account))) {
    response.writeHead(sessionNotFound.status, { 'content-type': 'application/json' }).end(JSON.stringify(sessionNotFound.body))
    return false
  }
  request.auth = authInfoOf(allowed)
  // True of every answer here; and once one header is set, Node shows those that come later by `writeHead`, the session's among them.
  response.setHeader('cache-control', 'no-store')
  // Before the caller has the whole answer, and can tell anybody of the session.
  response.once('prefinish', () => {
    // What the server opened goes before what the caller made up.
    const opened = response.getHeader(sessionHeader)?.toString()
    for (const session of opened === undefined ? named : [opened])
      sessions.used(session, account, request.method, response.statusCode)
  })
  // What a call answers belongs to that call, however long it takes; the stream of GET has no end of its own.
  if (request.method === 'GET') {
    const stop = whileItHolds(guard, allowed, () => response.destroy())
    response.once('close', stop)
  }
  return true
}

interface WebHandling {
  readonly settings: McpGuardOptions
  readonly guard: Guard
  readonly sessions: McpSessions
  readonly certificate: Uint8Array | string | undefined
}

async function handleWeb(
  request: Request,
  serve: (request: Request, known: McpRequestOptions) => Promise<Response>,
  { settings, guard, sessions, certificate }: WebHandling,
): Promise<Response> {
  const { method, headers } = request
  let message: unknown
  const operation = async (_: unknown, readBody: () => Promise<Buffer>): Promise<Operation | undefined> => {
    if (method !== 'POST') return operationOfMethod(method)
    message = parseMessage(await readBody(), headers.get('content-type'), headers.get('content-encoding'))
    return operationOf(message, settings.operation)
  }
  const verdict = await verifyByRule(guard, request, { operation }, settings, certificate)
  if (!verdict.ok) return refusalResponse(verdict)
  const { account_id: account } = verdict.token
  const named = sessionsNamed(headers.get(sessionHeader), request.url)
  if (!named.every(session => sessions.isOpenTo(session, account)))
    return Response.json(sessionNotFound.body, { status: sessionNotFound.status })
  const known = { authInfo: authInfoOf(verdict), ...(method === 'POST' && { parsedBody: message }) }
  const response = await serve(request, known)
  const opened = response.headers.get(sessionHeader)
  for (const session of opened === null ? named : [opened]) sessions.used(session, account, method, response.status)
  return method === 'GET' && response.body ? new Response(limit(response.body, guard, verdict), response) : response
}

/** The same body, cut off when the token is over. */
function limit(body: ReadableStream<Uint8Array>, guard: Guard, allowed: Allowed): ReadableStream<Uint8Array> {
  const over = new AbortController()
  const through = new TransformStream<Uint8Array, Uint8Array>()
  const stop = whileItHolds(guard, allowed, () => over.abort(new Error('the token is over')))
  body.pipeTo(through.writable, { signal: over.signal }).then(stop, stop)
  return through.readable
}

/**
 * Who calls, in the SDK's words. In place of the token stands its id: MCP forbids handing the token on, and what tools are
 * given ends up in logs.
 */
function authInfoOf(allowed: Allowed): AuthInfo {
  const { jti, client_id: clientId, scope, exp, aud } = allowed.token
  const scopes = scope === undefined ? [] : scope.split(' ')
  return { token: jti, clientId, scopes, expiresAt: exp, resource: new URL(aud), extra: { mayfly: allowed } }
}
