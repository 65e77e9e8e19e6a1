// What the generator reads of an OpenAPI 3.1 document: every operation with one JSON answer, and nothing else.

export type Schema = Readonly<Record<string, unknown>>

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
  readonly required?: boolean
}
interface Parameter {
  readonly in: string
  readonly name: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}
interface Described {
  readonly summary?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

/** The part of the broker's /openapi.json that is read. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}

/** One operation, as far as a client needs to know it. */
export interface Operation {
  readonly method: string
  /** `/v1/agents/{id}` */
  readonly path: string
  readonly summary: string
  readonly body: Schema | undefined
  readonly query: readonly Parameter[]
  /** Undefined: no content. */
  readonly answer: Schema | undefined
  /** Members of a list's page, where the answer is one that goes on. */
  readonly item: Schema | undefined
  /** Whether it may be answered with 202: it waits for a second person. */
  readonly waits: boolean
}

/** Paths of one tenant stand for the same operations below its issuer; receivers of SSF have clients of their own. */
const isRead = (path: string): boolean => !/^\/(t\/\{|ssf\/)/.test(path)

/** Every operation of the document, in its order. */
export function readOperations({ paths }: OpenApiDocument): Operation[] {
  return Object.entries(paths)
    .filter(([path]) => isRead(path))
    .flatMap(([path, methods]) => Object.entries(methods).flatMap(([method, one]) => read(method, path, one) ?? []))
}

function read(method: string, path: string, described: Described): Operation | undefined {
  const answers = Object.entries(described.responses)
  const [status, done] = answers.find(([each]) => /^20[013-9]$/.test(each)) ?? answers.find(([each]) => each === '202') ?? []
  const answer = done?.content?.['application/json']?.schema
  const isJson = done !== undefined && (done.content === undefined || answer !== undefined)
  const isSent = described.requestBody === undefined || described.requestBody.content?.['application/json'] !== undefined
  if (!isJson || !isSent) return undefined
  const properties = answer?.['properties'] as Readonly<Record<string, Schema>> | undefined
  // The format of an export is not for programs that read objects.
  const query = (described.parameters ?? []).filter(one => one.in === 'query' && one.name !== 'format')
  const goesOn = properties?.['next_cursor'] !== undefined && query.some(({ name }) => name === 'cursor')
  return {
    method: method.toUpperCase(),
    path,
    summary: described.summary ?? '',
    body: described.requestBody?.content?.['application/json']?.schema,
    query: goesOn ? query.filter(({ name }) => name !== 'cursor') : query,
    answer,
    item: goesOn ? (properties?.['items']?.['items'] as Schema) : undefined,
    waits: status !== '202' && described.responses['202'] !== undefined,
  }
}
