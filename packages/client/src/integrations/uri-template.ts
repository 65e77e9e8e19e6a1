// RFC 6570 level 1, as permissions of type `agent_http` have it: `/orders/{id}`, each variable one segment or part of one.

import { MayflyError } from '../mayfly-error.ts'

const variable = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** Names of the variables, in their order. */
export const variablesOf = (template: string): string[] => [...template.matchAll(variable)].map(([, name]) => name!)

/** The path. Whatever a model writes, a value fills exactly its place; throws a MayflyError where it cannot. */
export function fillTemplate(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(variable, (_, name: string) => {
    const value = String(values[name] ?? '')
    if (/^\.{0,2}$/.test(value) || /[/\\]/.test(value)) {
      throw new MayflyError({ error: 'invalid_use', description: `${name} must be one segment of a path` })
    }
    return encodeURIComponent(value).replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  })
}
