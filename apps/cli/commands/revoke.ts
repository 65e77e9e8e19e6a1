// `mayfly revoke`: a token, an account, a task, an agent, a trust source, a key, or everything.

import { readFileSync } from 'node:fs'
import type { Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { confirm } from '../output/confirm.ts'
import { findId } from '../v1/find-id.ts'

const name = 'revoke'
/** The broker answers earlier when everybody has acknowledged. */
const waitSeconds = 10

export const revoke: Command = {
  name,
  summary: 'Revoke a token, account, task, agent, trust source, key or tenant',
  about: `From the answer on the broker refuses it; guards refuse it as soon as the feed has told them, which --wait waits for. What was revoked
stays so. An agent or trust source is suspended too and gets nothing new until it is reinstated; its accounts end in the background.`,
  options: {
    token: { type: 'string', value: 'FILE', summary: 'the token that stands in a file; - is standard input' },
    'token-id': { type: 'string', value: 'ID', summary: 'a token by its jti' },
    account: { type: 'string', value: 'ID', summary: 'an account, with all below it' },
    agent: { type: 'string', value: 'AGENT', summary: 'an agent by id or name: all its tokens and accounts' },
    task: { type: 'string', value: 'ID', summary: "with --agent: only that agent's account for this task" },
    'trust-source': { type: 'string', value: 'SOURCE', summary: 'a trust source by id or name, with the agents that come by it' },
    key: { type: 'string', value: 'KID', summary: 'a signing key: whatever it signed' },
    everything: { type: 'boolean', summary: 'every token and every account of the tenant' },
    reason: { type: 'string', value: 'TEXT', summary: 'why; kept in the log, encrypted' },
    'no-suspend': { type: 'boolean', summary: 'of an agent or trust source: new tokens may be had at once' },
    tenant: { type: 'string', value: 'ID', summary: 'whose, where you belong to no tenant' },
    wait: { type: 'boolean', summary: `until every guard and stream has acknowledged, ${waitSeconds} s at most` },
    yes: { type: 'boolean', summary: 'do not ask' },
  },
  operations: ['POST /v1/revocations'],
  examples: [
    { text: 'a token that was leaked', command: 'mayfly revoke --token leaked.jwt --reason "printed into a build log" --wait' },
    { text: 'an agent, until somebody reinstates it', command: 'mayfly revoke --agent nightly-report' },
    { text: 'one task of an agent', command: 'mayfly revoke --agent nightly-report --task report-7 --yes' },
    { text: 'after a key was stolen', command: 'mayfly revoke --key eZ3…' },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { flags, print } = context
  const target = await targetOf(context)
  const [reason, tenant] = [flags.text('reason'), flags.text('tenant')]
  const body = {
    ...target.body,
    ...(reason !== undefined && { reason }),
    ...(flags.has('no-suspend') && { suspend: false }),
    ...(tenant !== undefined && { tenant_id: tenant }),
  }
  await confirm(context, `Revoke ${target.words}`)
  const call = { method: 'POST', path: '/v1/revocations', body } as const
  const { body: revoked } = await print.progress('Revoking', () => context.broker().call(name, call))
  if (!flags.has('wait') || revoked['to_epoch'] === null) {
    print.thing(revoked)
    tellNext(context, target, revoked)
    return
  }
  const path = `/v1/revocations/${revoked['id']}`
  const query = { wait: waitSeconds, ...(tenant !== undefined && { tenant }) }
  const { body: shown } = await print.progress('Waiting for the guards', () =>
    context.broker().call(name, { method: 'GET', path, query }),
  )
  print.thing(shown)
  tellNext(context, target, shown)
  tellReached(context, shown)
}

function tellNext({ flags, print }: Context, { reinstate }: Target, { id, receivers }: Thing): void {
  if (reinstate !== undefined && !flags.has('no-suspend'))
    print.note(`It is suspended too. To let it have tokens again: ${reinstate}`)
  if (receivers === undefined) print.note(`Whom it has reached: mayfly revocations show ${id}`)
}

/** A guard's process; without a resource, a stream of security events. */
interface Receiver {
  readonly name: string
  readonly instance: string
  readonly resource?: string
  readonly ms?: number
  readonly seen_at?: string | null
}

/** Throws a CliError where somebody has not acknowledged. */
function tellReached({ print }: Context, { id, receivers }: Thing): void {
  const { acknowledged, waiting } = receivers as { readonly acknowledged: Receiver[]; readonly waiting: Receiver[] }
  const total = acknowledged.length + waiting.length
  const slowest = Math.round(Math.max(0, ...acknowledged.map(({ ms = 0 }) => ms)))
  if (total === 0) {
    print.note('No guard is connected to the feed, and no stream of security events is set up: nobody had to be reached.')
    return
  }
  const guards = countOf('guard', acknowledged.filter(isGuard), waiting.filter(isGuard))
  const streams = countOf('stream', acknowledged.filter(isStream), waiting.filter(isStream))
  print.note(`reached ${[guards, streams].filter(text => text !== undefined).join(' and ')} in ${slowest} ms`)
  if (waiting.length === 0) return
  throw new CliError({
    what: `${waiting.length} of ${total} have not acknowledged it within ${waitSeconds} s.`,
    why: waiting.map(whoText).join('\n'),
    next: [
      'It is revoked all the same.',
      ...(waiting.some(isGuard) ? ['A guard that hears nothing refuses everything by itself.'] : []),
      ...(waiting.some(isStream) ? ['A stream gets it as soon as its receiver takes it: mayfly streams list'] : []),
      `Later: mayfly revocations show ${id}`,
    ].join('\n'),
  })
}

const isGuard = ({ resource }: Receiver): boolean => resource !== undefined
const isStream = (receiver: Receiver): boolean => !isGuard(receiver)

/** `3 of 4 guards`; undefined where there is none. */
function countOf(noun: string, acknowledged: readonly Receiver[], waiting: readonly Receiver[]): string | undefined {
  const total = acknowledged.length + waiting.length
  return total === 0 ? undefined : `${acknowledged.length} of ${total} ${noun}${total === 1 ? '' : 's'}`
}

function whoText({ name: who, instance, resource, seen_at }: Receiver): string {
  if (resource === undefined) return `the stream ${instance} of ${who}`
  return `the guard ${who} at ${resource}${seen_at ? `, last heard of at ${seen_at.slice(11, 19)}Z` : ''}`
}

interface Target {
  readonly body: Readonly<Record<string, unknown>>
  readonly words: string
  /** Where it is suspended as well: the command that ends that. */
  readonly reinstate?: string
}

/** What is revoked, and how it is called when it is asked about. Throws UsageError unless exactly one thing is named. */
async function targetOf(context: Context): Promise<Target> {
  const { flags } = context
  const task = flags.text('task')
  const named = ['token', 'token-id', 'account', 'agent', 'trust-source', 'key'].filter(flag => flags.text(flag) !== undefined)
  const [flag, ...others] = [...named, ...(flags.has('everything') ? ['everything'] : [])]
  if (flag === undefined && task !== undefined)
    throw new UsageError({ what: '--task alone names nothing.', next: 'Say whose task it is: --agent AGENT --task ID' })
  if (flag === undefined || others.length > 0)
    throw new UsageError({
      what: 'Name one thing to revoke.',
      next: '--token, --token-id, --account, --agent, --trust-source, --key or --everything',
    })
  if (task !== undefined && flag !== 'agent')
    throw new UsageError({ what: '--task goes with --agent: a task is one of an agent.' })
  if (flag === 'everything') return { body: { tenant: true }, words: 'every token and every account of the tenant' }
  const value = flags.text(flag)!
  if (flag === 'token') return { body: { token: await readToken(context, value) }, words: 'the token' }
  if (flag === 'token-id') return { body: { token_id: value }, words: `the token ${value}` }
  if (flag === 'account') return { body: { account_id: value }, words: `the account ${value} and all below it` }
  if (flag === 'key') return { body: { key_id: value }, words: `whatever the key ${value} signed` }
  if (flag === 'trust-source') {
    const id = await idOf(context, 'trust-source', '/v1/trust-sources', value)
    const words = `the trust source ${value} and the agents that come by it`
    return { body: { trust_source_id: id }, words, reinstate: `mayfly trust-sources reinstate ${value}` }
  }
  const id = await idOf(context, 'agent', '/v1/agents', value)
  if (task !== undefined)
    return { body: { task: { agent_id: id, task_id: task } }, words: `the task ${task} of the agent ${value}` }
  const words = `the agent ${value}, with its tokens and accounts`
  return { body: { agent_id: id }, words, reinstate: `mayfly agents reinstate ${value}` }
}

const idOf = ({ broker }: Context, argument: string, within: string, given: string): Promise<string> =>
  findId(broker(), name, { parameter: 'id', argument, within, by: ['name'] }, given)

/** Not on the command line, where everybody on the machine can read it. */
async function readToken({ io }: Context, file: string): Promise<string> {
  if (file === '-') return (await io.readInput()).trim()
  const path = resolvePath(io, file)
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new CliError({ what: `${path} cannot be read.`, why: (error as Error).message })
  }
}
