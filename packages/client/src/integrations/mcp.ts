// MCP servers that want task tokens, by the client transports of `@modelcontextprotocol/sdk`. The session has a token for the tools
// that were named; each call of a tool goes out with a token for that tool alone, in the same account. What a transport is given is a
// `fetch`, because a token that is bound to a key is of no use without the connection or the proof of that key.

import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import type { StreamableHTTPClientTransportOptions } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { MayflyClient } from '../client.ts'
import { MayflyError } from '../mayfly-error.ts'
import type { ResourceInit } from '../resource-fetch.ts'
import type { TaskToken } from '../task-token.ts'
import type { Permissions } from '../token-request.ts'

/** What an MCP client may do at one server. */
export interface McpAccess extends Pick<Permissions, 'taskId' | 'accountId' | 'intent' | 'ttl'> {
  /** The server as registered; usually its URL. */
  readonly resource: string
  /** Tools that may be called, as the server lists them. */
  readonly tools: readonly string[]
  /** Values that arguments are held to in every call, as the agent's ceiling may want it. */
  readonly arguments?: Readonly<Record<string, Held>>
  /** Scopes that the server wants beside. */
  readonly scope?: string | readonly string[]
  /**
   * Holds arguments of one call to their values: what it returns goes into the token, and the server refuses another call by it. Texts,
   * integers and booleans can be held.
   */
  readonly holdArguments?: (tool: string, given: Readonly<Record<string, unknown>>) => Readonly<Record<string, Held>> | undefined
}

/** A value that a token can hold an argument to. */
export type Held = string | number | boolean

/**
 * Options for `StreamableHTTPClientTransport` (and for `SSEClientTransport`).
 *
 * @example
 * const access = { resource: 'https://mcp.example/mcp', tools: ['read_order'], taskId: 'invoice-7' }
 * const transport = new StreamableHTTPClientTransport(new URL(access.resource), mcpTransport(client, access))
 */
export function mcpTransport(
  client: MayflyClient,
  access: McpAccess,
): Required<Pick<StreamableHTTPClientTransportOptions, 'fetch'>> {
  const session = client.taskToken(permissionsFor(access, access.tools, undefined))
  const fetch: FetchLike = async (url, init) => {
    const call = readToolCall(init)
    const permissions = call && (await permissionsOfCall(access, session, call))
    const sent = init as unknown as ResourceInit | undefined
    return (await client.fetch(url, sent, permissions ?? session)) as unknown as Response
  }
  return { fetch }
}

/**
 * The same for programs that take an `authProvider` only. They present the token themselves, so it must be a bearer token: an agent
 * registered with `binding: bearer`, no `dpop`. It covers all tools that were named, and a token that was revoked costs one failed
 * call. Prefer `mcpTransport`.
 */
export function mcpAuthProvider(client: MayflyClient, access: McpAccess): OAuthClientProvider {
  const session = client.taskToken(permissionsFor(access, access.tools, undefined))
  return {
    redirectUrl: undefined,
    clientMetadata: { redirect_uris: [], client_name: 'Mayfly agent' },
    clientInformation: () => ({ client_id: 'mayfly-agent' }),
    async tokens() {
      const { accessToken, tokenType, expiresAt } = await session.get()
      if (tokenType !== 'Bearer') {
        throw new MayflyError({ error: 'invalid_use', description: 'a token that is bound to a key needs mcpTransport' })
      }
      const seconds = Math.max(0, Math.floor((expiresAt.getTime() - Date.now()) / 1000))
      return { access_token: accessToken, token_type: tokenType, expires_in: seconds }
    },
    // The SDK comes here when the server refused the token. The next call has another one, if there is one to be had.
    async prepareTokenRequest() {
      session.drop()
      await session.get()
      throw new MayflyError({ error: 'token_refused', description: 'the server refused the token; the next call has a new one' })
    },
    saveTokens: () => undefined,
    redirectToAuthorization: () => notInteractive(),
    saveCodeVerifier: () => notInteractive(),
    codeVerifier: () => notInteractive(),
  }
}

function notInteractive(): never {
  throw new MayflyError({ error: 'invalid_use', description: 'an agent proves itself by its own credential, not in a browser' })
}

interface ToolCall {
  readonly tool: string
  readonly given: Readonly<Record<string, unknown>>
}

/** The tool that a message of the transport calls; undefined for all other messages. */
function readToolCall(init: RequestInit | undefined): ToolCall | undefined {
  if (init?.method !== 'POST' || typeof init.body !== 'string') return undefined
  const message: unknown = JSON.parse(init.body)
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown; arguments?: unknown } }
  if (method !== 'tools/call' || typeof params?.name !== 'string') return undefined
  return { tool: params.name, given: (params.arguments ?? {}) as ToolCall['given'] }
}

async function permissionsOfCall(access: McpAccess, session: TaskToken, { tool, given }: ToolCall): Promise<Permissions> {
  if (!access.tools.includes(tool)) {
    throw new MayflyError({ error: 'invalid_use', description: `the tool ${tool} is not among those that were named` })
  }
  // Sessions belong to the account that began them.
  const { accountId } = await session.get()
  const held = access.holdArguments?.(tool, given)
  return { ...permissionsFor(access, [tool], held), ...(accountId !== undefined && { accountId }) }
}

function permissionsFor(
  { resource, scope, taskId, accountId, intent, ttl, arguments: always }: McpAccess,
  tools: readonly string[],
  held: Readonly<Record<string, Held>> | undefined,
): Permissions {
  const all = (always || held) && { arguments: { ...held, ...always } }
  const detail = { type: 'agent_tool', locations: [resource], actions: tools, ...all }
  return {
    resource,
    authorizationDetails: [detail],
    ...(scope !== undefined && { scope }),
    ...(taskId !== undefined && { taskId }),
    ...(accountId !== undefined && { accountId }),
    ...(intent !== undefined && { intent }),
    ...(ttl !== undefined && { ttl }),
  }
}
