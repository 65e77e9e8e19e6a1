// `uri_template`: RFC 6570 level 1, path only, relative to the location. `{x}` stands for exactly one whole, non-empty
// segment. The names of variables carry no meaning; each stands once, as two equal names would promise equal values.

import { accept, type Outcome, refuse } from './permission-type.ts'
import { quote } from './quote.ts'
import { isDotSegment, normaliseSegment, pathSegments } from './uri-path.ts'

const variable = /^\{[A-Za-z0-9_]{1,64}\}$/

/** The normal form of a template, or why it is none. */
export function normaliseTemplate(text: string): Outcome<string> {
  if (!text.startsWith('/')) return refuse('must be a path that starts with /')
  if (/[?#]/.test(text)) return refuse('must be a path only, without query or fragment')
  const segments = text.slice(1).split('/')
  const variables = new Set<string>()
  for (const [i, segment] of segments.entries()) {
    if (variable.test(segment)) {
      if (variables.has(segment)) return refuse(`must use the variable ${segment} only once`)
      variables.add(segment)
      continue
    }
    const normal = normaliseLiteral(segment, i === segments.length - 1)
    if (!normal.ok) return normal
    segments[i] = normal.value
  }
  return accept(`/${segments.join('/')}`)
}

function normaliseLiteral(segment: string, isLast: boolean): Outcome<string> {
  if (segment === '') return isLast ? accept('') : refuse('must have no empty segment')
  if (segment.includes('*')) return refuse('has a *; write {name} for one segment')
  if (/[{}]/.test(segment)) return refuse(`has ${quote(segment)}; a variable is {name} and fills a whole segment`)
  const normal = normaliseSegment(segment)
  if (normal === undefined) return refuse(`has a malformed or ambiguous segment ${quote(segment)}`)
  return isDotSegment(normal) ? refuse('must have no dot segments') : accept(normal)
}

const isVariable = (segment: string): boolean => segment.startsWith('{')

/** Whether every path that fits template `a` fits template `b`. Both in normal form. */
export function templateWithin(a: string, b: string): boolean {
  if (a === b) return true
  if (!b.includes('{')) return false
  const wide = b.split('/')
  const narrow = a.split('/')
  return (
    narrow.length === wide.length && wide.every((segment, i) => (isVariable(segment) ? narrow[i] !== '' : segment === narrow[i]))
  )
}

/** Whether a live request's path fits the template. Never true for a path that routers could read in two ways. */
export function templateMatches(template: string, path: string): boolean {
  const live = pathSegments(path)
  if (!live) return false
  const segments = template.slice(1).split('/')
  return (
    segments.length === live.length &&
    segments.every((segment, i) => (isVariable(segment) ? live[i] !== '' : segment === live[i]))
  )
}
