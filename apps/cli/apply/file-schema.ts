// The JSON Schema of mayfly.yaml, made of the bodies that the broker itself describes (/openapi.json): the file can never say
// other things than the API takes. docs/reference/mayfly.schema.json is this for the broker of the same version.

import { applyKinds, rulePath, ruleSection, type Section } from './kinds.ts'

/** As much of JSON Schema as is looked at. */
export interface Schema {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly [keyword: string]: unknown
}

interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: Body } | undefined>> | undefined>>
}
interface Body {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>
}

export interface FileSchema {
  /** Of one thing of a section. */
  readonly items: Readonly<Record<Section, Schema>>
  readonly twoPerson: Schema
}

/** Reads the schemas of the sections out of a broker's description. Undefined where it is none. */
export function readFileSchema(openApi: unknown): FileSchema | undefined {
  const { paths = {} } = openApi as OpenApi
  const bodyOf = (path: string, method: string) => paths[path]?.[method]?.requestBody?.content['application/json']?.schema
  const items = applyKinds.map(({ section, path }) => [section, bodyOf(path, 'post')] as const)
  const twoPerson = bodyOf(rulePath, 'put')?.properties?.['classes']
  if (!twoPerson || items.some(([, schema]) => !schema)) return undefined
  const known = Object.fromEntries(items) as Record<Section, Schema>
  return { items: { ...known, agents: withNames(known.agents) }, twoPerson }
}

/** Rules name their trust source; ids are taken as well. */
function withNames(agent: Schema): Schema {
  const { rules, ...properties } = agent.properties as Record<string, Schema>
  const rule = rules!.items!
  const trust_source = {
    type: 'string',
    minLength: 1,
    maxLength: 120,
    description: 'The name of a trust source, in this file or registered before; or its id.',
  }
  const named = { ...rules, items: { ...rule, properties: { ...rule.properties, trust_source } } }
  // The order of members is the order that editors offer.
  return { ...agent, properties: reorder(agent.properties!, { ...properties, rules: named }) }
}

const reorder = (order: object, values: Readonly<Record<string, Schema>>): Record<string, Schema> =>
  Object.fromEntries(Object.keys(order).map(name => [name, values[name]!]))

/** The whole schema, for editors. */
export function documentOf({ items, twoPerson }: FileSchema): object {
  const lists = applyKinds.map(({ section, noun }) => [
    section,
    { type: 'array', description: about[section] ?? `Each ${noun} of the tenant.`, items: items[section] },
  ])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'mayfly.yaml',
    description: 'What a tenant has registered at a Mayfly broker, for mayfly apply. Sections that are left out are left alone.',
    type: 'object',
    required: ['version'],
    additionalProperties: false,
    properties: {
      version: { const: 1, description: 'Of this format.' },
      ...Object.fromEntries(lists),
      [ruleSection]: twoPerson,
    },
  }
}

const about: Partial<Record<Section, string>> = {
  tenants: 'Tenants of the deployment; only a platform-admin makes them. They are never changed or deleted.',
}
