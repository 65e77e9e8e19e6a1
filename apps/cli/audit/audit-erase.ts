// `mayfly audit erase`: looks first at what it would find, since a name may be a common word, and since accounts that the subject opened
// go on working: to forget somebody and to stop somebody are two things.

import type { Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { confirm } from '../output/confirm.ts'
import { findId } from '../v1/find-id.ts'
import type { PathPart } from '../v1/operation.ts'
import { showWaiting } from '../v1/operation-command.ts'

const name = 'audit erase'
const path = '/v1/erasures'
const person: PathPart = { parameter: 'person', argument: 'person', within: '/v1/people', by: ['email', 'subject', 'name'] }
/** As many as the broker names at once, so often. */
const roundsMost = 50
const shownMost = 10

export const auditErase: Command = {
  name,
  summary: 'Forget a person or a foreign subject; proofs of the log still hold',
  about: `The keys to what the log says of it are destroyed at once, its sessions and tokens end, and the worker deletes the rest. It cannot be undone.
It says first what it found: a name that is a common word stands in many places where nobody is meant. Accounts that the subject opened go on
until somebody ends them; --end-accounts revokes them first.`,
  options: {
    person: { type: 'string', value: 'PERSON', summary: 'who has signed in: id, address or name' },
    issuer: { type: 'string', value: 'URL', summary: 'of a foreign subject: who vouched for it' },
    subject: { type: 'string', value: 'SUB', summary: 'of a foreign subject: as the issuer calls it' },
    name: { type: 'string', value: 'LIST', summary: 'what else it is called, with commas between them; may be given alone' },
    'end-accounts': { type: 'boolean', summary: 'revoke the accounts that it opened before it is forgotten' },
    yes: { type: 'boolean', summary: 'do not ask' },
  },
  operations: ['POST /v1/erasures', 'POST /v1/erasures/preview', 'POST /v1/revocations'],
  examples: [
    { text: 'somebody who has signed in', command: 'mayfly audit erase --person sam@example.com' },
    {
      text: 'whoever a trust source vouched for, and stop what it does',
      command: 'mayfly audit erase --issuer https://ci.example.com --subject "repo:acme/orders:actor:sam" --end-accounts',
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { flags, print } = context
  const body = await bodyOf(context)
  const ends = flags.has('end-accounts')
  if (!flags.has('yes') || ends) {
    const found = await look(context, body)
    print.note(tellFound(found, ends))
    await confirm(context, 'Forget a person or a foreign subject')
    if (ends) await endAccounts(context, body, found)
  }
  const { status, body: answer } = await print.progress('Forgetting', () =>
    context.broker().call(name, { method: 'POST', path, body }),
  )
  if (status === 202) return showWaiting(context, answer)
  print.thing(answer)
  const living = idsOf(answer)
  if (living.length > 0) print.note(tellLiving(living))
}

const look = async (context: Context, body: object): Promise<Thing> =>
  (await context.print.progress('Looking', () => context.broker().call(name, { method: 'POST', path: `${path}/preview`, body })))
    .body

async function bodyOf({ broker, flags }: Context): Promise<Readonly<Record<string, unknown>>> {
  const [who, issuer, subject] = [flags.text('person'), flags.text('issuer'), flags.text('subject')]
  const names = flags
    .text('name')
    ?.split(',')
    .map(text => text.trim())
    .filter(text => text !== '')
  if ([who, issuer, subject].every(text => text === undefined) && !names?.length)
    throw new UsageError({ what: 'Who is to be forgotten?', next: '--person, --issuer with --subject, or --name' })
  return {
    ...(who !== undefined && { person: await findId(broker(), name, person, who) }),
    ...(issuer !== undefined && { issuer }),
    ...(subject !== undefined && { subject }),
    ...(names?.length && { names }),
  }
}

/** Round by round: the broker names so many at once. Throws a CliError where they come faster than they end. */
async function endAccounts(context: Context, body: object, found: Thing): Promise<void> {
  const ended = new Set<string>()
  let living = idsOf(found)
  for (let round = 0; living.length > 0; round++) {
    if (round === roundsMost)
      throw new CliError({
        what: 'Its accounts come faster than they are ended. Nobody was forgotten.',
        next: 'Suspend the agent first: mayfly revoke --agent AGENT',
      })
    for (const id of living) {
      await context.broker().call(name, { method: 'POST', path: '/v1/revocations', body: { account_id: id } })
      ended.add(id)
    }
    living = idsOf(await look(context, body)).filter(id => !ended.has(id))
  }
  if (ended.size > 0) context.print.note(`${ended.size} ${ended.size === 1 ? 'account is' : 'accounts are'} revoked.`)
}

interface Found {
  readonly where: string
  readonly rows: number
  readonly deleted: boolean
}

function tellFound(found: Thing, ends: boolean): string {
  const places = found['found'] as readonly Found[]
  const names = found['names'] as readonly { readonly name: string; readonly rows: number }[]
  const living = idsOf(found)
  const people = (found['people'] as readonly string[]).length
  return [
    `Found: ${count(Number(found['keys']), 'key')} of the log, ${count(people, 'person', 'people')}.`,
    ...places.map(({ where, rows, deleted }) => `  ${where}: ${rows} ${deleted ? 'deleted as a whole' : 'without the words'}`),
    ...names.map(
      ({ name: word, rows }) =>
        `  the name “${word}” stands in ${count(rows, 'row')}${rows > 100 ? ': is it a common word?' : ''}`,
    ),
    ...(found['legal_hold'] ? ['A legal hold covers it: it will be refused.'] : []),
    ...((found['named_by'] as readonly string[]).length > 0
      ? [`Registrations name it: ${(found['named_by'] as string[]).join(', ')}`]
      : []),
    ...(living.length > 0
      ? [ends ? `${count(living.length, 'account')} that it opened will be revoked.` : tellLiving(living)]
      : []),
  ].join('\n')
}

const tellLiving = (ids: readonly string[]): string =>
  [
    `${count(ids.length, 'account')} that it opened ${ids.length === 1 ? 'lives' : 'live'} on, and an erasure ends none. To end them:`,
    ...ids.slice(0, shownMost).map(id => `  mayfly revoke --account ${id} --yes`),
    ...(ids.length > shownMost ? [`  and ${ids.length - shownMost} more; --json names them`] : []),
  ].join('\n')

const idsOf = (thing: Thing): readonly string[] => (thing['living_accounts'] ?? []) as readonly string[]
const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`
