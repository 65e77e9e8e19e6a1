// What one MCP message does. A call of a tool is judged as that tool; what only keeps the conversation going, or lists what there
// is, may be sent by whoever holds anything here. All else (reading resources, prompts, tasks, methods that come later) is refused
// unless the server's author says what it is.

import type { Operation } from '../request.ts'
import { isRecord, parseStrictObject } from '../token/strict-json.ts'

/** A JSON-RPC request or notification of a client. */
export interface McpMessage {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

/** Says what messages do that are no calls of tools; undefined refuses them. */
export type OperationOfMessage = (message: McpMessage) => Operation | undefined

const presence: Operation = { type: 'presence' }

/** Methods that do nothing which a permission could name. */
const harmless = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
])

/**
 * Parses the body of a POST. Undefined for what two parsers could read differently (a name twice, another charset than UTF-8),
 * for batches, which MCP has given up, and for what is no JSON object. contentType, contentEncoding: values of the headers.
 */
export function parseMessage(
  body: Uint8Array,
  contentType: string | null | undefined,
  contentEncoding: string | null | undefined,
): Record<string, unknown> | undefined {
  if (contentEncoding && contentEncoding !== 'identity') return undefined
  if (!isUtf8(contentType)) return undefined
  try {
    return parseStrictObject(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    return undefined
  }
}

/** Whether the body says that it is UTF-8, or nothing: in another charset the same bytes may be another message. */
export function isUtf8(contentType: string | null | undefined): boolean {
  const charsets = [...(contentType ?? '').matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)]
  return charsets.every(([, charset]) => charset?.toLowerCase() === 'utf-8')
}

/** What the request does, as the guard judges it; undefined is refused. */
export function operationOf(message: unknown, others: OperationOfMessage | undefined): Operation | undefined {
  if (!isRecord(message)) return undefined
  if (!Object.hasOwn(message, 'method')) return isAnswer(message) ? presence : undefined
  const { method, params = {} } = message
  if (typeof method !== 'string' || !isRecord(params)) return undefined
  if (method === 'tools/call') return toolCall(params)
  return harmless.has(method) ? presence : others?.({ method, params })
}

function toolCall({ name, arguments: given = {} }: Record<string, unknown>): Operation | undefined {
  return typeof name === 'string' && isRecord(given) ? { type: 'agent_tool', tool: name, arguments: given } : undefined
}

/** What the server asked the client (sampling, elicitation, roots) is answered in a message of its own. */
const isAnswer = (message: Record<string, unknown>): boolean =>
  Object.hasOwn(message, 'id') && (Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error'))
