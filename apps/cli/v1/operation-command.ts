// A row of the table of operations becomes a command.

import { stringify } from 'yaml'
import type { Call, Thing } from '../broker/broker.ts'
import { UsageError } from '../cli-error.ts'
import type { Command, Context, Option, Options } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { writePrivateFile } from '../config/private-file.ts'
import { confirm } from '../output/confirm.ts'
import { tableOf } from '../output/table-of.ts'
import { findId } from './find-id.ts'
import type { Operation, PathPart } from './operation.ts'
import { fromFlags, readBody, withIds } from './read-body.ts'

/** The command of one operation. */
export function operationCommand(operation: Operation): Command {
  const { name, summary, about, parts = [], examples } = operation
  return {
    name,
    summary,
    ...(about !== undefined && { about }),
    arguments: parts.map(({ argument, within, by = [], own }) => ({
      name: argument,
      summary: `${within ? `its id, or its ${by.join(' or ')}` : 'its id'}${own ? '; else your own' : ''}`,
      ...(own && { optional: true as const }),
    })),
    options: optionsOf(operation),
    examples,
    run: context => run(context, operation),
  }
}

const file: Option = { type: 'string', short: 'f', value: 'FILE', summary: 'the body, YAML or JSON; - is standard input' }
const yes: Option = { type: 'boolean', summary: 'do not ask' }
const out: Option = { type: 'string', value: 'FILE', summary: 'write the secret to a file that only you can read' }
const pages: Options = {
  all: { type: 'boolean', summary: 'every page; with --json a line of JSON for each' },
  limit: { type: 'string', value: 'N', summary: 'how many at most on this page: 1 to 200, else 50' },
  cursor: { type: 'string', value: 'CURSOR', summary: 'next_cursor of the page before' },
}

function optionsOf({ answer, file: takesFile, flags, query, asks }: Operation): Options {
  return {
    ...(takesFile && { file }),
    ...flags,
    ...query,
    ...(answer === 'list' && pages),
    ...(answer === 'secret' && { out }),
    ...(asks && { yes }),
  }
}

async function run(context: Context, operation: Operation): Promise<void> {
  const body = await readBody(context, operation)
  const path = await pathOf(context, operation, operation.path)
  if (operation.answer === 'list') {
    await list(context, operation, path)
    return
  }
  if (operation.asks) await askFirst(context, operation)
  const call: Call = { method: operation.method, path, ...(body !== undefined && { body }) }
  const answer = await context.print.progress(operation.summary, () => context.broker().call(operation.name, call))
  show(context, operation, answer)
}

/** Nobody should have to say yes to what they have not seen. */
async function askFirst(context: Context, operation: Operation): Promise<void> {
  const { look, summary, name } = operation
  if (look !== undefined && !context.flags.has('yes')) {
    const path = await pathOf(context, operation, look)
    const { body } = await context.broker().call(name, { method: 'GET', path })
    context.print.note(stringify(body, { lineWidth: 0 }))
  }
  await confirm(context, `${summary}: ${Object.values(context.args).join(' ')}`)
}

async function pathOf(context: Context, { name, parts = [] }: Operation, path: string): Promise<string> {
  let filled = path
  for (const part of parts) {
    const id = await idOf(context, name, part)
    filled = filled.replace(`{${part.parameter}}`, encodeURIComponent(id))
  }
  return filled
}

async function idOf(context: Context, doing: string, part: PathPart): Promise<string> {
  const given = context.args[part.argument]
  if (given !== undefined) return findId(context.broker(), doing, part, given)
  const { body } = await context.broker().call(doing, { method: 'GET', path: '/v1/whoami' })
  if (typeof body['tenant'] === 'string') return body['tenant']
  throw new UsageError({ what: `mayfly ${doing} needs <${part.argument}>.`, why: 'You belong to no tenant of your own.' })
}

function show(context: Context, operation: Operation, { status, body }: { status: number; body: Thing }): void {
  const { print } = context
  if (status === 202) showWaiting(context, body)
  else if (operation.answer === 'secret') showSecret(context, body)
  else if (operation.answer === 'thing') print.thing(body)
  else print.result({ ok: true }, () => `Done: ${[operation.name, ...Object.values(context.args)].join(' ')}`)
}

/** Two people are wanted for it: nothing has changed yet. */
export function showWaiting({ print }: Context, body: Thing): void {
  print.thing(body)
  print.note(
    [
      'Nothing has changed yet: this waits for a second person. Somebody else looks at it and decides:',
      `  mayfly changes get ${body['change']}`,
      `  mayfly changes approve ${body['change']}`,
      `It ends undecided after seven days. You take it back with: mayfly changes reject ${body['change']}`,
    ].join('\n'),
  )
}

/** A secret is shown once, by the broker as by us: on stdout, or in a file instead. */
function showSecret(context: Context, body: Thing): void {
  const { print, flags, io } = context
  const { token, ...rest } = body
  const target = flags.text('out')
  if (target !== undefined && typeof token === 'string') {
    const path = resolvePath(io, target)
    writePrivateFile(path, `${token}\n`)
    print.thing({ ...rest, token_file: path })
    return
  }
  print.thing(body)
  if (typeof token === 'string' && !print.json)
    print.note('The token is shown this once. Keep it in a secret store; --out FILE writes it where only you can read it.')
}

async function list(context: Context, operation: Operation, path: string): Promise<void> {
  const { print } = context
  const { name, summary, columns = ['id'], query = {} } = operation
  const filter = await withIds(context, name, query, fromFlags(context, query) as Record<string, string>)
  if (context.flags.has('all')) {
    await listAll(context, operation, path, filter)
    return
  }
  const page = { limit: limitOf(context), cursor: context.flags.text('cursor') }
  const { items, next } = await print.progress(summary, () => context.broker().page(name, path, { ...filter, ...page }))
  if (print.json) {
    print.thing({ items, ...(next !== undefined && { next_cursor: next }) })
    return
  }
  print.table(tableOf(items, columns))
  if (items.length === 0) print.note('There are none.')
  if (next !== undefined) print.note(`There are more: --all, or --cursor ${next}`)
}

async function listAll(context: Context, operation: Operation, path: string, filter: Record<string, string>): Promise<void> {
  const { print } = context
  const items: Thing[] = []
  for await (const item of context.broker().all(operation.name, path, filter)) {
    if (print.json) print.jsonLine(item)
    else items.push(item)
  }
  if (!print.json) print.table(tableOf(items, operation.columns ?? ['id']))
}

function limitOf({ flags }: Context): string | undefined {
  const limit = flags.text('limit')
  if (limit === undefined || /^([1-9]\d?|1\d\d|200)$/.test(limit)) return limit
  throw new UsageError({ what: `--limit ${limit} is no number from 1 to 200.` })
}
