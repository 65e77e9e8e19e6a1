import { expect } from 'vitest'

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape, looked into member by member
type Document = any

/** Where people sign in, who have no credential yet. */
const forAnyone = new Set(['get /v1/sign-in', 'post /v1/sessions'])

/** Each operation of an OpenAPI document says who may call it, what it answers, also when it refuses, and what a body looks like. */
export function expectDocumented(document: Document): void {
  for (const [path, methods] of Object.entries<Record<string, Document>>(document.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const where = `${method} ${path}`
      const schemes = operation.security.flatMap((entry: object) => Object.keys(entry))
      if (!forAnyone.has(where)) {
        expect(schemes.length, where).toBe(1)
        expect(Object.keys(document.components.securitySchemes), where).toContain(schemes[0])
      }
      expect(operation.summary, where).toBeTruthy()
      expect(Object.keys(operation.responses), where).toEqual(expect.arrayContaining(['4XX', '5XX']))
      expect(
        Object.keys(operation.responses).some(status => status.startsWith('2')),
        where,
      ).toBe(true)
      expect(operation.responses['4XX'].content['application/problem+json'], where).toBeDefined()
      if (!operation.requestBody) continue
      const media = operation.requestBody.content['application/json']
      expect(media.examples ?? media.example ?? media.schema.examples, where).toBeTruthy()
    }
  expect(JSON.stringify(document)).not.toContain('~kind')
}
