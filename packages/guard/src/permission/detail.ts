// One row per type of `authorization_details` (RFC 9396) that this guard understands: which members it may have, and what
// it lets through. Entries are compiled once, when a token is first seen; on each use they only match. An unknown type, an
// unknown member or a member of another shape makes the whole token unusable: what is not understood might have been a
// restriction.

import { type AgentHttp, compileAgentHttp } from './agent-http.ts'
import { type AgentRow, compileAgentRow } from './agent-row.ts'
import { type AgentTool, compileAgentTool } from './agent-tool.ts'
import type { ResourcePlace } from './place.ts'

/** An entry of `authorization_details` as granted. */
export type GrantedDetail = Readonly<Record<string, unknown>>

/** A granted entry, ready to be held against operations. */
export type CompiledDetail = AgentHttp | AgentRow | AgentTool

const compilers: Readonly<Record<string, (detail: GrantedDetail, place: ResourcePlace) => CompiledDetail | undefined>> = {
  agent_http: compileAgentHttp,
  agent_row: compileAgentRow,
  agent_tool: compileAgentTool,
}

/** The types that the guard enforces, for RFC 9728 metadata. */
export const detailTypes: readonly string[] = Object.keys(compilers)

/** Compiles all entries; undefined as soon as one is not understood. */
export function compileDetails(details: readonly GrantedDetail[], place: ResourcePlace): CompiledDetail[] | undefined {
  const compiled: CompiledDetail[] = []
  for (const detail of details) {
    const type = detail['type']
    if (typeof type !== 'string' || !Object.hasOwn(compilers, type)) return undefined
    const entry = compilers[type]?.(detail, place)
    if (!entry) return undefined
    compiled.push(entry)
  }
  return compiled
}
