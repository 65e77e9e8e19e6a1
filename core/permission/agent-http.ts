// `agent_http`: HTTP requests at a resource, by method and path.

import { accept, MAX_CHARS, MAX_ENTRIES, type Outcome, type PermissionType, type RawDetail, refuse } from './permission-type.ts'
import { findWrongMember, locationsSchema, readLocations, readSet, readText } from './read-field.ts'
import { isSortedSubset } from './sorted-list.ts'
import { normaliseTemplate, templateMatches, templateWithin } from './uri-template.ts'

export interface AgentHttp {
  /** base64url SHA-256 of the only body allowed. */
  readonly content_digest?: string
  readonly locations: readonly string[]
  readonly methods: readonly string[]
  readonly type: 'agent_http'
  /** Path below each location. */
  readonly uri_template: string
}

/** `location`: the resource that was called. `path`: raw path below it, without query, as the handler will see it. */
export interface HttpRequest {
  readonly location: string
  readonly method: string
  readonly path: string
  /** base64url SHA-256 of the body, without padding. */
  readonly contentDigest?: string
}

const method = /^[A-Za-z][A-Za-z-]{0,31}$/
// The last of 43 characters carries four bits of the digest; its two spare bits must be 0, or one digest had four spellings.
const DIGEST_PATTERN = '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$'
const digest = new RegExp(DIGEST_PATTERN)

export const agentHttp: PermissionType<AgentHttp, HttpRequest> = {
  type: 'agent_http',
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'agent_http',
    description: 'HTTP requests by method and path at a resource.',
    type: 'object',
    properties: {
      type: { const: 'agent_http' },
      locations: locationsSchema,
      methods: {
        type: 'array',
        items: { type: 'string', pattern: method.source },
        minItems: 1,
        maxItems: MAX_ENTRIES,
        description: 'HTTP methods, put into upper case.',
      },
      uri_template: {
        type: 'string',
        maxLength: MAX_CHARS,
        pattern: '^/[^?#*]*$',
        description: 'RFC 6570 level 1, path only, below the location. {x} is one whole, non-empty segment.',
      },
      content_digest: { type: 'string', pattern: DIGEST_PATTERN, description: 'base64url SHA-256 of the only body allowed.' },
    },
    required: ['type', 'locations', 'methods', 'uri_template'],
    additionalProperties: false,
  },
  normalise,
  subset: (a, b) =>
    (b.content_digest === undefined || a.content_digest === b.content_digest) &&
    isSortedSubset(a.methods, b.methods) &&
    templateWithin(a.uri_template, b.uri_template) &&
    isSortedSubset(a.locations, b.locations),
  matches: (detail, request) =>
    detail.locations.includes(request.location) &&
    detail.methods.includes(request.method) &&
    (detail.content_digest === undefined || detail.content_digest === request.contentDigest) &&
    templateMatches(detail.uri_template, request.path),
  describe: detail =>
    `Send ${detail.methods.join(', ')} to ${detail.uri_template} at ${detail.locations.join(', ')}${
      detail.content_digest === undefined ? '' : `, only with the body whose SHA-256 is ${detail.content_digest}`
    }`,
}

function normalise(raw: RawDetail): Outcome<AgentHttp> {
  const wrong = findWrongMember(raw, ['locations', 'methods', 'uri_template'], ['content_digest'])
  if (wrong) return refuse(wrong)
  const locations = readLocations(raw)
  if (!locations.ok) return locations
  // The shape is tested before folding: outside ASCII, upper case would turn other letters into these.
  const methods = readSet(raw, 'methods', text =>
    method.test(text) ? accept(text.toUpperCase()) : refuse('must be an HTTP method, such as GET'),
  )
  if (!methods.ok) return methods
  const text = readText(raw, 'uri_template')
  if (!text.ok) return text
  const template = normaliseTemplate(text.value)
  if (!template.ok) return refuse(`field 'uri_template' ${template.reason}`)
  const rest = { locations: locations.value, methods: methods.value, type: 'agent_http', uri_template: template.value } as const
  if (!Object.hasOwn(raw, 'content_digest')) return accept(rest)
  const content_digest = raw['content_digest']
  if (typeof content_digest !== 'string' || !digest.test(content_digest)) {
    return refuse("field 'content_digest' must be a SHA-256 in base64url without padding")
  }
  return accept({ content_digest, ...rest })
}
