// From the broker's OpenAPI document to `src/api/generated.ts`: the types of every body and answer, the interface of the whole API
// with what the broker says of each operation, and the table by which it is called. `npm run client:generate` writes it.

import { compile } from 'json-schema-to-typescript'
import { type OpenApiDocument, type Operation, readOperations, type Schema } from './document.ts'
import { nameOperations, parametersOf } from './names.ts'
import { type NamedSchemas, nameSchemas } from './schemas.ts'

const head = `// Generated from the broker's OpenAPI document by \`npm run client:generate\`. Changes by hand are lost.

import type { ApiCallOptions, Pages } from './call.ts'
`

/** What the generator is given. */
export interface GeneratorInput {
  readonly document: OpenApiDocument
  /** Every code that the broker answers with. */
  readonly errorCodes: readonly string[]
}

/** The text of the generated file. Throws where two operations would have one name. */
export async function generateClient({ document, errorCodes }: GeneratorInput): Promise<string> {
  const operations = readOperations(document)
  const names = nameOperations(operations)
  const schemas = nameSchemas(names)
  const types = await compile(schemas.asOneSchema() as never, 'Everything', {
    additionalProperties: false,
    bannerComment: '',
    ignoreMinAndMaxItems: true,
    unknownAny: true,
    unreachableDefinitions: true,
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  return [head, readable(types), renderCodes(errorCodes), renderApi(names, schemas), renderTable(names)].join('\n')
}

/** Without the frame that held the definitions, and without notes on where each stood. */
const readable = (types: string): string =>
  types
    .replace(/export interface Everything \{\}\n+/, '')
    .replace(
      /\/\*\*\n(?: \* [^\n]*\n \*\n)?(?: \* This interface was referenced by[^\n]*\n \* via the `definition`[^\n]*\n)+ \*\/\n/g,
      '',
    )
    .replace(/\n \*\n \* This interface was referenced by[^\n]*\n \* via the `definition`[^\n]*/g, '')
    .replace(/\/\*\*\n\s*\* ([^\n]*)\n\s*\*\//g, '/** $1 */')

const renderCodes = (codes: readonly string[]): string =>
  `/** Every code that the broker answers with; docs/errors.md says what each means. */
export type BrokerErrorCode =
${[...new Set(codes)]
  .sort()
  .map(code => `  | '${code}'`)
  .join('\n')}

/** A change that waits for a second person (202). */
export interface Waiting {
  change: string
  status: 'waiting'
}
`

interface Tree {
  readonly methods: string[]
  readonly below: Map<string, Tree>
}

function renderApi(names: ReadonlyMap<Operation, string>, schemas: NamedSchemas): string {
  const top: Tree = { methods: [], below: new Map() }
  for (const [operation, name] of names) {
    if (isOwn(operation)) continue
    const words = name.split('.')
    let at = top
    for (const word of words.slice(0, -1)) {
      if (!at.below.has(word)) at.below.set(word, { methods: [], below: new Map() })
      at = at.below.get(word)!
    }
    at.methods.push(renderMethod(operation, words.at(-1)!, schemas))
  }
  return `/** Every operation of the broker's API. A POST is repeated safely: it carries an \`Idempotency-Key\`. */
export interface MayflyApi {\n${renderTree(top, '  ')}}\n`
}

/** An agent reaches its own account by a task token and the proof of its key: \`client.account(id)\`. */
const isOwn = ({ path }: Operation): boolean => path === '/account' || path.startsWith('/account/')

function renderTree({ methods, below }: Tree, indent: string): string {
  const own = methods.map(method => `${method.replace(/^/gm, indent)}\n`)
  const inner = [...below].map(([word, tree]) => `${indent}readonly ${word}: {\n${renderTree(tree, `${indent}  `)}${indent}}\n`)
  return [...own, ...inner].join('')
}

function renderMethod(operation: Operation, verb: string, schemas: NamedSchemas): string {
  const { method, path, summary, body, query } = operation
  const parameters = [
    ...parametersOf(path).map(name => `${name}: string`),
    ...(body ? [`${isNeeded(body) ? 'body' : 'body?'}: ${schemas.nameOf(body)}`] : []),
    ...(query.length > 0 ? [`query?: ${renderQuery(operation)}`] : []),
    'options?: ApiCallOptions',
  ]
  return `/** ${summary.replaceAll('*/', '')}. \`${method} ${path}\` */\n${verb}(${parameters.join(', ')}): ${renderAnswer(operation, schemas)}`
}

const isNeeded = (body: Schema): boolean =>
  !Array.isArray(body['required']) ? body['type'] !== 'object' : body['required'].length > 0

function renderAnswer({ answer, item, waits }: Operation, schemas: NamedSchemas): string {
  if (item) return `Pages<${schemas.nameOf(item)}>`
  const done = answer ? schemas.nameOf(answer) : 'undefined'
  return `Promise<${done}${waits ? ' | Waiting' : ''}>`
}

const renderQuery = ({ query }: Operation): string =>
  `{ ${query.map(({ name, schema }) => `${name}?: ${renderSimple(schema ?? {})}`).join('; ')} }`

/** Queries hold texts and numbers only. */
function renderSimple(schema: Schema): string {
  const { enum: values, anyOf, type } = schema as { enum?: unknown[]; anyOf?: Schema[]; type?: string }
  if (values) return values.map(value => `'${value}'`).join(' | ')
  if (anyOf) return [...new Set(anyOf.map(renderSimple))].join(' | ')
  return type === 'integer' || type === 'number' ? 'number' : type === 'boolean' ? 'boolean' : 'string'
}

function renderTable(names: ReadonlyMap<Operation, string>): string {
  const rows = [...names]
    .filter(([operation]) => !isOwn(operation))
    .map(([{ method, path, body, query, item }, name]) => {
      const takes = `${body ? 'b' : ''}${query.length > 0 ? 'q' : ''}${item ? 'p' : ''}`
      return `  ['${name}', '${method}', '${path}', '${takes}'],`
    })
  return `/** Name, method, path, and what it takes: b a body, q a query; p: its answer has pages. */
export const operationTable: readonly (readonly [name: string, method: string, path: string, takes: string])[] = [
${rows.join('\n')}
]
`
}
