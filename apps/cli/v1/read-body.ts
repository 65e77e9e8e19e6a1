// The body of a request: from a file (YAML or JSON; `-` is standard input), or made of flags.

import { parseDocument } from 'yaml'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'
import { findId } from './find-id.ts'
import type { BodyFlag, Operation } from './operation.ts'

/** Throws a UsageError where neither file nor flags are given, or both. */
export async function readBody(context: Context, operation: Operation): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { flags = {} } = operation
  const file = context.flags.text('file')
  const made = await withIds(context, operation.name, flags, fromFlags(context, flags))
  if (file !== undefined) {
    if (Object.keys(made).length > 0)
      throw new UsageError({ what: 'A body comes from a file or from flags.', why: 'Both were given.' })
    return withoutShown(parseBody(await readSource(context, file), file), operation.shown ?? [])
  }
  if (operation.file && Object.keys(flags).length === 0) {
    throw new UsageError({
      what: `mayfly ${operation.name} needs a body.`,
      next: `mayfly ${operation.name} … -f FILE (or -f - for standard input)`,
    })
  }
  const missing = Object.entries(flags).filter(([, flag]) => flag.required && !(flag.member in made))
  if (missing.length > 0) {
    throw new UsageError({
      what: `mayfly ${operation.name} needs ${missing.map(([name]) => `--${name}`).join(' and ')}.`,
      next: `mayfly ${operation.name} --help`,
    })
  }
  const body = { ...operation.body, ...made }
  return operation.method === 'GET' || operation.method === 'DELETE' || !(operation.flags || operation.body) ? undefined : body
}

/** The members that flags give; also for queries. */
export function fromFlags(context: Context, flags: Readonly<Record<string, BodyFlag>>): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const [name, { member, as, many, type }] of Object.entries(flags)) {
    if (type === 'boolean') {
      if (context.flags.has(name)) members[member] = true
      continue
    }
    const values = context.flags.all(name)
    const last = values.at(-1)
    if (last === undefined) continue
    if (as === 'list' || many) members[member] = values.flatMap(value => value.split(',')).filter(value => value !== '')
    else if (as === 'number') members[member] = wholeNumber(name, last)
    else members[member] = as === 'duration' ? secondsOf(name, last) : last
  }
  return members
}

/** The members, with the id in the place of each name that a flag takes. doing: the command's words. */
export async function withIds<Members extends Readonly<Record<string, unknown>>>(
  context: Context,
  doing: string,
  flags: Readonly<Record<string, BodyFlag>>,
  members: Members,
): Promise<Members> {
  const found: Record<string, string> = {}
  for (const { member, names } of Object.values(flags)) {
    const given = members[member]
    if (names && typeof given === 'string') found[member] = await findId(context.broker(), doing, names, given)
  }
  return { ...members, ...found }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError({ what: `--${flag} ${text} is no whole number.` })
  return Number(text)
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds of `90`, `90s`, `15m`, `12h`, `30d`, `2w`. */
export function secondsOf(flag: string, text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([smhdw])?$/.exec(text) ?? []
  if (count === undefined)
    throw new UsageError({ what: `--${flag} ${text} is no length of time.`, next: 'Give it as 90s, 15m, 12h or 30d.' })
  return Number(count) * units[unit]!
}

/** The text of a file, or of standard input for `-`. */
export async function readSource(context: Context, file: string): Promise<string> {
  return file === '-' ? await context.io.readInput() : readNamedFile(resolvePath(context.io, file))
}

/** An object of YAML or JSON. Throws a CliError. */
export function parseBody(text: string, file: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text, { version: '1.2', uniqueKeys: true, merge: false })
  const [fault] = document.errors
  if (fault) throw new CliError({ what: `${nameOf(file)} is neither YAML nor JSON.`, why: fault.message })
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  throw new CliError({
    what: `${nameOf(file)} holds no object.`,
    next: 'Write members as `name: value`; the help shows an example.',
  })
}

const nameOf = (file: string): string => (file === '-' ? 'Standard input' : file)

/** What `get` showed can be sent back: the members that only the broker sets are left out. */
const withoutShown = (body: Readonly<Record<string, unknown>>, shown: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(body).filter(([member]) => !shown.includes(member)))
