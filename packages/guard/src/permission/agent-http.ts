// `agent_http`: methods on a path below one of the locations. The template is RFC 6570 level 1, path only; `{x}` stands for
// exactly one non-empty segment, so a granted prefix never covers what lies below it.

import type { GrantedDetail } from './detail.ts'
import { decodeSegment } from './live-path.ts'
import { hasExactly, textSet } from './members.ts'
import { type ResourcePlace, segmentsBelow } from './place.ts'

/** A compiled `agent_http` entry. */
export interface AgentHttp {
  readonly type: 'agent_http'
  readonly detail: GrantedDetail
  readonly methods: ReadonlySet<string>
  /** One pattern per location: a text that a segment must equal, or null for a variable. */
  readonly patterns: readonly (readonly (string | null)[])[]
  /** base64url SHA-256 that the body must have; undefined where any body goes. */
  readonly contentDigest: string | undefined
}

/** SHA-256 in base64url; the two spare bits of the last character are 0. */
const digest = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Compiles an entry; undefined where it is not understood. */
export function compileAgentHttp(detail: GrantedDetail, place: ResourcePlace): AgentHttp | undefined {
  if (!hasExactly(detail, ['locations', 'methods', 'uri_template'], ['content_digest'])) return undefined
  const locations = textSet(detail['locations'])
  const methods = textSet(detail['methods'])
  const template = compileTemplate(detail['uri_template'])
  const contentDigest = detail['content_digest']
  if (!locations || !methods || !template) return undefined
  if (contentDigest !== undefined && !(typeof contentDigest === 'string' && digest.test(contentDigest))) return undefined
  const patterns: (string | null)[][] = []
  for (const location of locations) {
    const below = segmentsBelow(location, place)
    if (below) patterns.push([...place.mount, ...below, ...template])
  }
  return { type: 'agent_http', detail, methods, patterns, contentDigest }
}

/** Whether the entry covers the method and the decoded path segments. The body is not looked at here. */
export function coversRequest(entry: AgentHttp, method: string, segments: readonly string[]): boolean {
  return entry.methods.has(method) && entry.patterns.some(pattern => matches(pattern, segments))
}

function matches(pattern: readonly (string | null)[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false
  for (let at = 0; at < pattern.length; at += 1) {
    const expected = pattern[at]
    if (expected === null ? segments[at] === '' : segments[at] !== expected) return false
  }
  return true
}

const variable = /^\{[A-Za-z0-9_]{1,64}\}$/

function compileTemplate(template: unknown): (string | null)[] | undefined {
  if (typeof template !== 'string' || !template.startsWith('/')) return undefined
  const pattern: (string | null)[] = []
  const parts = template.slice(1).split('/')
  for (const [at, part] of parts.entries()) {
    if (variable.test(part)) {
      // One name twice would promise one value twice, which is not checked here.
      if (parts.indexOf(part) !== at) return undefined
      pattern.push(null)
      continue
    }
    const literal = /[{}]/.test(part) ? undefined : decodeSegment(part)
    if (literal === undefined || (literal === '' && at < parts.length - 1)) return undefined
    pattern.push(literal)
  }
  return pattern
}
