// Bodies are checked as they are, never converted: "1" is not 1. Query strings and path parameters hold text only, so numbers
// are read from text there. Of a union whose members are told apart by one member's value, only the branch that the value
// names is checked; else a caller would be told what is wrong with every branch.

import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'

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
  return checker(schema, httpPart !== 'body')
}

function checker(schema: TSchema, convert: boolean) {
  const compiled = Compile(schema)
  return (value: unknown) => {
    const converted = convert ? Value.Convert(schema, value) : value
    return compiled.Check(converted) ? { value: converted } : { error: compiled.Errors(converted) as never }
  }
}

const unknownBranch = (name: string, allowedValues: readonly unknown[]) => ({
  error: [{ keyword: 'enum', instancePath: `/${name}`, params: { allowedValues }, message: 'must name a known kind' }] as never,
})
