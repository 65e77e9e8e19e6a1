// mayfly.yaml as it was written, checked as a whole before anything is done.

import { Compile } from 'typebox/compile'
import type { Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import type { FileSchema, Schema } from './file-schema.ts'
import { type ApplyKind, applyKinds, ruleSection, type Section, sections } from './kinds.ts'

export interface Wanted {
  /** A section that is left out is missing here. */
  readonly things: Readonly<Partial<Record<Section, readonly Thing[]>>>
  readonly twoPerson: readonly string[] | undefined
}

/** Several files are one. Throws a CliError that names everything that is wrong. */
export function readWanted(documents: readonly { readonly name: string; readonly value: Thing }[], schema: FileSchema): Wanted {
  const faults: string[] = []
  const things: Partial<Record<Section, Thing[]>> = {}
  let twoPerson: readonly string[] | undefined
  for (const { name, value } of documents) {
    const complain = (text: string) => faults.push(documents.length > 1 ? `${name}: ${text}` : text)
    if (value['version'] !== 1) complain('version: must be 1.')
    const strange = Object.keys(value).filter(member => member !== 'version' && !sections.includes(member))
    for (const member of strange) complain(`${member}: is not known. There are ${sections.join(', ')}.`)
    for (const kind of applyKinds) {
      const list = listOf(value[kind.section], kind, complain)
      if (!list) continue
      for (const [at, thing] of list.entries()) checkThing(schema.items[kind.section], thing, placeOf(kind, thing, at), complain)
      things[kind.section] = [...(things[kind.section] ?? []), ...list]
    }
    const rule = value[ruleSection]
    if (rule === undefined) continue
    checkThing(schema.twoPerson, rule, ruleSection, complain)
    twoPerson = rule as readonly string[]
  }
  for (const kind of applyKinds) faults.push(...findDoubles(kind, things[kind.section] ?? []))
  if (faults.length === 0) return { things, twoPerson }
  throw new CliError({
    what: 'The file cannot be applied.',
    why: faults.join('\n'),
    next: 'Correct it. docs/reference/mayfly.schema.json tells editors what may stand where. Nothing was changed.',
  })
}

function listOf(value: unknown, { section }: ApplyKind, complain: (text: string) => void): readonly Thing[] | undefined {
  if (value === undefined) return undefined
  // A section whose every entry is commented out reads as null.
  if (value === null) return []
  if (Array.isArray(value)) return value
  complain(`${section}: must be a list.`)
  return undefined
}

function checkThing(schema: Schema, value: unknown, place: string, complain: (text: string) => void): void {
  const branch = branchOf(schema, value)
  if (!branch) {
    const kinds = schema.anyOf!.map(each => String(constantOf(each.properties?.['kind'])))
    complain(`${place}/kind: must be one of ${kinds.join(', ')}.`)
    return
  }
  const compiled = Compile(branch as never)
  if (compiled.Check(value)) return
  for (const { instancePath, message, keyword, params } of compiled.Errors(value)) {
    // Says no more than what follows from the other faults.
    if (keyword === 'boolean') continue
    complain(`${place}${instancePath}: ${message}${moreAbout(params as Readonly<Record<string, unknown>>)}`)
  }
}

/** Which member is missing or too much, where the message does not say so. */
function moreAbout(params: Readonly<Record<string, unknown>>): string {
  const names = params['requiredProperties'] ?? params['additionalProperties'] ?? params['allowedValues']
  return Array.isArray(names) ? `: ${names.join(', ')}` : ''
}

/** Of a union told apart by `kind` the branch that is meant. */
export function branchOf(schema: Schema, value: unknown): Schema | undefined {
  if (!schema.anyOf) return schema
  const kind = (value as Thing | null)?.['kind']
  return schema.anyOf.find(({ properties }) => constantOf(properties?.['kind']) === kind)
}

const constantOf = (schema: Schema | undefined): unknown => schema?.const ?? schema?.enum?.[0]

function placeOf({ section, key }: ApplyKind, thing: Thing | null, at: number): string {
  const name = thing?.[key]
  return `${section}/${at}${typeof name === 'string' ? ` (${name})` : ''}`
}

function findDoubles({ section, key }: ApplyKind, things: readonly Thing[]): string[] {
  const names = things.map(thing => thing?.[key])
  const doubles = names.filter((name, at) => name !== undefined && names.indexOf(name) !== at)
  return [...new Set(doubles)].map(name => `${section}: "${name}" stands there twice.`)
}
