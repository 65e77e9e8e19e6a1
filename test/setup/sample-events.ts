import type { TSchema } from 'typebox'
import { type AuditEventType, catalogue, type FactsOf } from '#core/audit/catalogue/catalogue.ts'

/** Facts that the type's schema allows, the least of them; changes: those that matter to the test. */
export function sampleFacts<T extends AuditEventType>(type: T, changes: Partial<FactsOf<T>> = {}): FactsOf<T> {
  return { ...(sample(catalogue[type].facts) as object), ...changes } as FactsOf<T>
}

interface Shape extends TSchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
}

function sample(schema: Shape): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return sample(schema.anyOf[0]!)
  switch (schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map(name => [name, sample(schema.properties![name]!)]))
    case 'array':
      return []
    case 'string':
      return schema.pattern === undefined ? 'words' : matching(schema.pattern)
    case 'boolean':
      return false
    default:
      return 1
  }
}

const uuid = '01900000-0000-7000-8000-00000000000a'

function matching(pattern: string): string {
  const prefix = /^\^([a-z]+_)/.exec(pattern)?.[1]
  return [`${prefix}${uuid.replaceAll('-', '')}`, uuid, 'a'.repeat(43), 'words'].find(text => new RegExp(pattern).test(text))!
}
