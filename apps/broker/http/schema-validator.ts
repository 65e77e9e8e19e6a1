// Bodies are checked as they are, never converted: "1" is not 1. Query strings hold text only, so whole numbers are read from
// their digits there, and nothing else is converted. Of a union whose members are told apart by one member's value, only the
// branch that the value names is checked; else a caller would be told what is wrong with every branch.

import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'

Settings.Set({ maxErrors: 50 })

interface Union {
  readonly anyOf?: readonly (TSchema & { readonly properties: Readonly<Record<string, { readonly const?: unknown }>> })[]
  readonly discriminator?: { readonly propertyName: string }
}

export const compileSchema: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const { anyOf, discriminator } = schema as Union
  if (httpPart === 'body' && anyOf && discriminator) {
    const { propertyName } = discriminator
    const branches = new Map(anyOf.map(branch => [branch.properties[propertyName]?.const, checker(branch, false)]))
    return value => {
      const named = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[propertyName] : undefined
      return (branches.get(named) ?? (() => unknownBranch(propertyName, [...branches.keys()])))(value)
    }
  }
  return checker(schema, httpPart === 'querystring')
}

function checker(schema: TSchema, readNumbers: boolean) {
  const compiled = Compile(schema)
  const integers = readNumbers ? integerMembers(schema) : []
  return (value: unknown) => {
    const read = integers.length === 0 ? value : withNumbers(value as Record<string, unknown>, integers)
    return compiled.Check(read) ? { value: read } : { error: compiled.Errors(read) as never }
  }
}

function integerMembers(schema: TSchema): string[] {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { readonly type?: unknown }>> }
  return Object.keys(properties).filter(name => properties[name]?.type === 'integer')
}

function withNumbers(value: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const read = { ...value }
  for (const name of names) {
    const text = read[name]
    if (typeof text === 'string' && /^(?:0|[1-9][0-9]{0,9})$/.test(text)) read[name] = Number(text)
  }
  return read
}

const unknownBranch = (name: string, allowedValues: readonly unknown[]) => ({
  error: [{ keyword: 'enum', instancePath: `/${name}`, params: { allowedValues }, message: 'must name a known kind' }] as never,
})
