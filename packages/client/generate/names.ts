// What an operation is called in code, from its method and path alone: `GET /v1/agents/{id}/join-tokens` is
// `agents.joinTokens.list(id)`. So an operation that the broker gains has a name here without anybody thinking of one.

import type { Operation } from './document.ts'

/** Where the rule would give a name that nobody looks for. */
const exceptions: Readonly<Record<string, string>> = {
  'POST /v1/keys/rewrap': 'keys.rewrap.start',
  'DELETE /v1/sessions/current': 'sessions.end',
}

const isParameter = (segment: string): boolean => segment.startsWith('{')
export const segmentsOf = (path: string): string[] =>
  path
    .replace(/^\/v1\//, '/')
    .split('/')
    .filter(Boolean)
export const camelCase = (text: string): string => text.replace(/[-_ ]+(\w)/g, (_, letter: string) => letter.toUpperCase())
export const pascalCase = (text: string): string =>
  text
    .split(/[-_ .]+/)
    .map(capital)
    .join('')
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** The parameters of a path, in its order: `id`, `joinTokenId`. */
export const parametersOf = (path: string): string[] =>
  segmentsOf(path)
    .filter(isParameter)
    .map(segment => camelCase(segment.slice(1, -1)))

/** Name of each operation. Throws where two would have one name. */
export function nameOperations(operations: readonly Operation[]): ReadonlyMap<Operation, string> {
  const names = new Map<Operation, string>()
  const taken = new Map<string, string>()
  for (const operation of operations) {
    const { method, path } = operation
    const name = exceptions[`${method} ${path}`] ?? nameOf(operation, operations)
    const other = taken.get(name)
    if (other !== undefined) throw new Error(`${other} and ${method} ${path} would both be ${name}: name one in exceptions`)
    taken.set(name, `${method} ${path}`)
    names.set(operation, name)
  }
  return names
}

function nameOf({ method, path, item }: Operation, all: readonly Operation[]): string {
  const segments = segmentsOf(path)
  const words = segments.filter(segment => !isParameter(segment)).map(camelCase)
  if (isParameter(segments.at(-1)!)) return [...words, ofOne[method]].join('.')
  const alone = all.every(other => (other.path === path ? other.method === method : !other.path.startsWith(`${path}/`)))
  // Something that is done, or the only thing that can be asked there.
  if (alone && (method === 'POST' || method === 'GET')) return words.join('.')
  const isList = all.some(other => other.path.startsWith(`${path}/{`)) || all.some(other => other.path === path && other.item)
  if (method === 'GET') return [...words, item || isList ? 'list' : 'get'].join('.')
  if (method === 'POST') return [...words, 'create'].join('.')
  return [...words, ofAll[method]].join('.')
}

const ofAll: Readonly<Record<string, string>> = { PUT: 'set', PATCH: 'change', DELETE: 'delete' }

const ofOne: Readonly<Record<string, string>> = {
  GET: 'get',
  PUT: 'replace',
  PATCH: 'change',
  POST: 'post',
  DELETE: 'delete',
}

/** `agents` → `Agent`, `resources.credentials` → `ResourceCredential`, `people` → `Person`. */
export const singularOf = (names: readonly string[]): string => names.map(name => capital(singular(name))).join('')

const irregular: Readonly<Record<string, string>> = { people: 'person', children: 'child' }

function singular(name: string): string {
  const known = irregular[name]
  if (known) return known
  return name.replace(/ies$/, 'y').replace(/([^su])s$/, '$1')
}
