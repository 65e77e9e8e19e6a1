// Secrets from outside: in a variable, or in a file that `NAME_FILE` names, which keeps them out of the environment.

import { readFileSync } from 'node:fs'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The secret, without white space around it; undefined when there is none. What is wrong is added to `problems`, a sentence
 * each, so that a configuration can report everything at once.
 */
export function findSecret(env: Environment, name: string, problems: string[]): string | undefined {
  const file = env[`${name}_FILE`]
  if (!file) return env[name] || undefined
  if (env[name]) problems.push(`${name} and ${name}_FILE are both set. Set one of them.`)
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    problems.push(`${name}_FILE=${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
    return undefined
  }
}

/** As `findSecret`, where it must be there: '' when it is not. what: what it should be, for whoever has to set it. */
export function getSecret(env: Environment, name: string, problems: string[], what?: string): string {
  const before = problems.length
  const secret = findSecret(env, name, problems)
  // A file that cannot be read has been complained of.
  if (secret === undefined && problems.length === before)
    problems.push(`${name} or ${name}_FILE is missing${what === undefined ? '' : `: ${what}`}.`)
  return secret ?? ''
}
