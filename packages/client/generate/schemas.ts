// The schemas of a document get names: what a collection holds is called after it, everything else after its operation. The same
// schema has one name wherever it stands, also inside others.

import type { Operation, Schema } from './document.ts'
import { pascalCase, singularOf } from './names.ts'

/** Schemas by name, and the name of each operation's parts. */
export class NamedSchemas {
  readonly #nameByText = new Map<string, string>()
  readonly definitions = new Map<string, Schema>()

  /** The type of a schema: its name, or undefined where there is none. */
  nameOf(schema: Schema): string | undefined {
    return this.#nameByText.get(JSON.stringify(schema))
  }

  /** Gives a schema a name, unless it has one. */
  add(schema: Schema, name: string): void {
    const text = JSON.stringify(schema)
    if (this.#nameByText.has(text)) return
    // A thing that may look otherwise when it is asked for alone than in a list.
    let free = this.definitions.has(name) ? `Any${name}` : name
    for (let count = 2; this.definitions.has(free); count += 1) free = `${name}${count}`
    this.#nameByText.set(text, free)
    this.definitions.set(free, schema)
  }

  /** All definitions as one JSON Schema whose parts refer to each other. */
  asOneSchema(): Schema {
    const definitions = Object.fromEntries(
      [...this.definitions].map(([name, schema]) => [name, this.#withReferences(schema, true)]),
    )
    return { type: 'object', properties: {}, additionalProperties: false, definitions }
  }

  #withReferences(value: unknown, isTop = false): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(item => this.#withReferences(item))
    const name = isTop ? undefined : this.nameOf(value as Schema)
    if (name !== undefined) return { $ref: `#/definitions/${name}` }
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'default' || key === 'examples' ? inner : this.#withReferences(inner),
      ]),
    )
  }
}

/** Names the schemas of all operations. names: as `nameOperations` gives them. */
export function nameSchemas(names: ReadonlyMap<Operation, string>): NamedSchemas {
  const named = new NamedSchemas()
  // What an agent sees of its own account is not what operators see of it.
  const all = [...names]
    .map(([operation, name]) => ({ operation, words: name.replace(/^account\b/, 'ownAccount').split('.') }))
    .sort((a, b) => Number(a.words[0] === 'ownAccount') - Number(b.words[0] === 'ownAccount'))
  for (const { operation, words } of all) if (operation.item) named.add(operation.item, singularOf(itemWords(words)))
  for (const { operation, words } of all)
    if (operation.answer && words.at(-1) === 'get') named.add(operation.answer, singularOf(words.slice(0, -1)))
  for (const { operation, words } of all) {
    if (operation.body) named.add(operation.body, bodyName(words))
    if (operation.answer && !operation.item) named.add(operation.answer, answerName(words))
  }
  return named
}

/** `agents.list` holds agents; `attachments.parked` is a list of its own. */
const itemWords = (words: readonly string[]): readonly string[] => (words.at(-1) === 'list' ? words.slice(0, -1) : words)

function bodyName(words: readonly string[]): string {
  const [verb, rest] = [words.at(-1)!, words.slice(0, -1)]
  if (verb === 'create' || verb === 'replace' || verb === 'set') return `${singularOf(rest)}Input`
  return `${pascalCase(words.join('.'))}Input`
}

function answerName(words: readonly string[]): string {
  const [verb, rest] = [words.at(-1)!, words.slice(0, -1)]
  if (verb === 'create') return `Created${singularOf(rest)}`
  return `${pascalCase(words.join('.'))}Answer`
}
