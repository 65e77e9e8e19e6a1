// Holds the live operation against what the token grants. Where a token carries `authorization_details`, they alone decide:
// the scope is only their shadow. A token without them is judged by the scopes that the resource says the operation needs;
// if it says none, nothing is granted.

import { hash } from 'node:crypto'
import { type GuardedRequest, hasOverride, type Operation } from '../request.ts'
import type { Reason } from '../verdict.ts'
import { type AgentHttp, coversRequest } from './agent-http.ts'
import { coversRow } from './agent-row.ts'
import { coversCall } from './agent-tool.ts'
import type { CompiledDetail, GrantedDetail } from './detail.ts'
import { parseLivePath } from './live-path.ts'

/** What a token grants, prepared when it was first seen. `details` is undefined where an entry was not understood. */
export interface Grant {
  readonly details: readonly CompiledDetail[] | undefined
  readonly scopes: ReadonlySet<string>
}

/** The entry that grants the operation; `detail` is undefined where scopes did. */
export interface Authorized {
  readonly detail: GrantedDetail | undefined
}

/** What came of it. */
export type Authorization = Authorized | Reason

/**
 * Decides whether the grant covers the request. Reads the body only if a granted entry names a digest. Answers at once where
 * nothing has to be waited for.
 */
export function authorize(grant: Grant, request: GuardedRequest): Authorization | Promise<Authorization> {
  if (!grant.details) return 'detail_not_understood'
  if (!request.operation && hasOverride(request.headers)) return 'override_header_refused'
  if (grant.details.length === 0) return authorizeByScope(grant.scopes, request)
  if (request.operation) return authorizeOperation(grant.details, request.operation)
  return authorizeRequest(grant.details, request)
}

function authorizeByScope(
  held: ReadonlySet<string>,
  { scope: needed, operation }: GuardedRequest,
): Authorization | Promise<Authorization> {
  if (needed?.length) return needed.every(scope => held.has(scope)) ? { detail: undefined } : 'scope_missing'
  return held.size > 0 && operation ? authorizePresence(operation) : 'operation_not_granted'
}

async function authorizePresence(named: NonNullable<GuardedRequest['operation']>): Promise<Authorization> {
  return (await findOperation(named))?.type === 'presence' ? { detail: undefined } : 'operation_not_granted'
}

async function findOperation(operation: NonNullable<GuardedRequest['operation']>): Promise<Operation | undefined> {
  try {
    return typeof operation === 'function' ? await operation() : operation
  } catch {
    return undefined
  }
}

async function authorizeOperation(
  details: readonly CompiledDetail[],
  named: NonNullable<GuardedRequest['operation']>,
): Promise<Authorization> {
  const operation = await findOperation(named)
  if (!operation) return 'operation_not_granted'
  const entry = details.find(candidate => covers(candidate, operation))
  return entry ? { detail: entry.detail } : 'operation_not_granted'
}

function covers(entry: CompiledDetail, operation: Operation): boolean {
  if (operation.type === 'presence') return entry.type === 'agent_http' ? entry.patterns.length > 0 : entry.isHere
  if (entry.type === 'agent_row') return operation.type === 'agent_row' && coversRow(entry, operation)
  if (entry.type === 'agent_tool') return operation.type === 'agent_tool' && coversCall(entry, operation)
  return false
}

function authorizeRequest(details: readonly CompiledDetail[], request: GuardedRequest): Authorization | Promise<Authorization> {
  const live = parseLivePath(request.url)
  if (!live) return 'path_refused'
  // No member of `agent_http` can name a query, so none is ever granted.
  if (live.hasQuery) return 'query_not_granted'
  let digested: AgentHttp[] | undefined
  for (const entry of details) {
    if (entry.type !== 'agent_http' || !coversRequest(entry, request.method, live.segments)) continue
    if (entry.contentDigest === undefined) return { detail: entry.detail }
    digested ??= []
    digested.push(entry)
  }
  return digested ? authorizeBody(digested, request.body) : 'operation_not_granted'
}

async function authorizeBody(covering: readonly AgentHttp[], body: GuardedRequest['body']): Promise<Authorization> {
  const digest = await bodyDigest(body)
  const exact = covering.find(entry => entry.contentDigest === digest)
  return exact ? { detail: exact.detail } : 'body_digest_mismatch'
}

async function bodyDigest(body: GuardedRequest['body']): Promise<string | undefined> {
  try {
    const bytes = typeof body === 'function' ? await body() : body
    return bytes === undefined ? undefined : hash('sha256', bytes, 'base64url')
  } catch {
    // A body that breaks off or is too large is not the granted one.
    return undefined
  }
}
