// An entry of the log as receivers are told of it: the envelope's members by the names of the API, and the facts of its body. What is
// sealed under a subject's key stays where it is: a receiver could not read it, and a copy of it would outlive its erasure.

import { hashLeaf } from '#core/audit/event.ts'
import { formatId, type IdKind } from '#core/ids/id.ts'
import type { LogEntry } from '#db/log/read-entries.ts'

export interface StreamEntry {
  readonly position: number
  /** uuid */
  readonly id: string
  /** Milliseconds since the epoch, by the database's clock. */
  readonly atMs: number
  readonly type: string
  /** uuids; null: the deployment's own. */
  readonly tenantId: string | null
  readonly accountId: string | undefined
  readonly agentId: string | undefined
  /** `jti` of the token concerned. */
  readonly tokenId: string | undefined
  /** Undefined once retention has dropped them. */
  readonly facts: Readonly<Record<string, unknown>> | undefined
  /** As the log has it; its leaf is the exact bytes that were hashed, as text. */
  readonly stored: LogEntry
}

/** As receivers see it. */
export interface EntryView {
  readonly position: number
  readonly id: string
  /** RFC 3339, UTC. */
  readonly at: string
  readonly type: string
  readonly tenant: string | null
  readonly account?: string
  readonly agent?: string
  readonly token?: string
  /** RFC 6962 leaf hash, base64url: a token's `evt`. */
  readonly receipt: string
  readonly facts?: Readonly<Record<string, unknown>>
  readonly leaf?: string
}

interface Leaf {
  readonly id: string
  readonly time: number
  readonly type: string
  readonly tenant?: string
  readonly account?: string
  readonly agent?: string
  readonly token?: string
}

/** Reads an entry as it is stored. What is no entry of ours is passed on with what it has: nothing of the log is left out. */
export function readEntry(stored: LogEntry): StreamEntry {
  const { position, leaf, body } = stored
  const { id, time, type, tenant = null, account, agent, token } = JSON.parse(leaf) as Leaf
  const envelope = { position, id: id ?? '', atMs: time ?? 0, type: type ?? 'unknown', tenantId: tenant }
  return { ...envelope, accountId: account, agentId: agent, tokenId: token, facts: factsOf(body), stored }
}

function factsOf(body: string | undefined): StreamEntry['facts'] {
  if (body === undefined) return undefined
  const { private: _, subject_key: _key, ...facts } = JSON.parse(body) as Record<string, unknown>
  return facts
}

/** leaf: whether the exact leaf is shown, for receivers that verify. */
export function viewEntry(entry: StreamEntry, { leaf = false }: { readonly leaf?: boolean } = {}): EntryView {
  const { accountId, agentId, tokenId, facts } = entry
  return {
    position: entry.position,
    id: entry.id,
    at: new Date(entry.atMs).toISOString(),
    type: entry.type,
    tenant: entry.tenantId === null ? null : nameOf('tenant', entry.tenantId),
    ...(accountId !== undefined && { account: nameOf('account', accountId) }),
    ...(agentId !== undefined && { agent: nameOf('agent', agentId) }),
    ...(tokenId !== undefined && { token: nameOf('token', tokenId) }),
    receipt: hashLeaf(entry.stored.leaf),
    ...(facts && { facts }),
    ...(leaf && { leaf: entry.stored.leaf }),
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const nameOf = (kind: IdKind, id: string): string => (uuid.test(id) ? formatId(kind, id) : id)
