// `mayfly restore`: what waits since a backup was restored, and letting it go on.

import type { Thing } from '../broker/broker.ts'
import { UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { confirm } from '../output/confirm.ts'
import { visibleLine } from '../output/visible.ts'

interface Restore {
  readonly forks: readonly {
    readonly at: string
    readonly size: number
    readonly sealed_size: number | null
    readonly finished: boolean
  }[]
  readonly held: { readonly agents: number; readonly trust_sources: number; readonly accounts: number }
  readonly agents: readonly Named[]
  readonly trust_sources: readonly Named[]
}

interface Named {
  readonly id: string
  readonly name: string
}

const status: Command = {
  name: 'restore status',
  summary: 'Show whether a backup was restored, and what waits since then',
  operations: ['GET /v1/restore'],
  examples: [
    { text: 'after a restore', command: 'mayfly restore status' },
    { text: 'for a script', command: 'mayfly restore status --json' },
  ],
  async run(context) {
    const restore = await read(context, 'restore status')
    context.print.result(restore, () => statusLines(restore).join('\n'))
  },
}

const reconcile: Command = {
  name: 'restore reconcile',
  summary: 'Let what waits since a restore go on',
  about: `Whoever was suspended or revoked after the backup waits here too, since the restored database knows nothing of it. Compare with what you
know first: "mayfly diff" tells what differs from your own files, the exported log of the time that was lost who was revoked. What should not
go on is revoked or deleted; the rest is named here, or let go on with --all.`,
  options: {
    agent: { type: 'string', value: 'NAME', many: true, summary: 'an agent by id or name' },
    'trust-source': { type: 'string', value: 'NAME', many: true, summary: 'a trust source by id or name' },
    'accounts-of': {
      type: 'string',
      value: 'AGENT',
      many: true,
      summary: 'all accounts of an agent that wait, by its id or name',
    },
    all: { type: 'boolean', summary: 'everything that waits' },
    yes: { type: 'boolean', summary: 'do not ask' },
  },
  operations: [
    'GET /v1/restore',
    'GET /v1/agents',
    'GET /v1/accounts',
    'POST /v1/trust-sources/{id}/reinstate',
    'POST /v1/agents/{id}/reinstate',
    'POST /v1/accounts/{id}/reinstate',
  ],
  examples: [
    {
      text: 'one agent, whom it comes by, and its accounts',
      command: 'mayfly restore reconcile --trust-source ci --agent nightly-report --accounts-of nightly-report',
    },
    { text: 'everything, once you have looked', command: 'mayfly restore reconcile --all --yes' },
  ],
  run,
}

export const restoreCommands: readonly Command[] = [status, reconcile]

async function read(context: Context, doing: string): Promise<Restore> {
  const { body } = await context.print.progress('Looking', () =>
    context.broker().call(doing, { method: 'GET', path: '/v1/restore' }),
  )
  return body as unknown as Restore
}

function statusLines({ forks, held, agents, trust_sources: sources }: Restore): string[] {
  const [last] = forks
  if (!last) return ['No backup was ever restored.']
  const lost =
    last.sealed_size === null
      ? ''
      : `, ${Math.max(0, last.sealed_size - last.size)} sealed entries of the earlier log are not in it`
  return [
    `Restored at ${last.at}: the log begins anew behind ${last.size} entries${lost}.`,
    ...(last.finished ? [] : ['It is not finished: nobody is served until broker or worker have made new keys.']),
    `Waiting: ${held.trust_sources} trust sources, ${held.agents} agents, ${held.accounts} accounts.`,
    ...sources.map(({ id, name }) => visibleLine(`  trust source  ${name}  ${id}`)),
    ...agents.map(({ id, name }) => visibleLine(`  agent         ${name}  ${id}`)),
    ...(held.accounts > 0 ? ['Accounts: mayfly account list --state held'] : []),
  ]
}

async function run(context: Context): Promise<void> {
  const { flags, print } = context
  const doing = 'restore reconcile'
  const restore = await read(context, doing)
  const all = flags.has('all')
  const sources = all ? restore.trust_sources : pick(restore.trust_sources, flags.all('trust-source'), 'trust source')
  const agents = all ? restore.agents : pick(restore.agents, flags.all('agent'), 'agent')
  const accounts = await accountsToo(context, doing, all)
  const counts = { trust_sources: sources.length, agents: agents.length, accounts: accounts.length }
  if (sources.length + agents.length + accounts.length === 0)
    throw new UsageError({
      what: all ? 'Nothing waits.' : 'Nothing that waits was named.',
      next: all
        ? 'When a backup was restored, and what waited for you then: mayfly restore status'
        : 'See what waits: mayfly restore status. Then name it, with --trust-source, --agent or --accounts-of, or say --all.',
    })
  await confirm(
    context,
    `Let ${counts.trust_sources} trust sources, ${counts.agents} agents and ${counts.accounts} accounts go on`,
  )
  const paths = [
    ...sources.map(({ id }) => `/v1/trust-sources/${id}/reinstate`),
    ...agents.map(({ id }) => `/v1/agents/${id}/reinstate`),
    ...accounts.map(id => `/v1/accounts/${id}/reinstate`),
  ]
  let waiting = 0
  await print.progress('Letting go on', async () => {
    for (const path of paths) waiting += (await context.broker().call(doing, { method: 'POST', path })).status === 202 ? 1 : 0
  })
  print.thing({ ...counts, ...(waiting > 0 && { waiting_for_second_person: waiting }) })
  if (waiting > 0) print.note('Some wait for a second person: mayfly changes list')
}

/** Throws a UsageError for what does not wait. */
function pick(waiting: readonly Named[], wanted: readonly string[], noun: string): Named[] {
  return wanted.map(word => {
    const found = waiting.find(({ id, name }) => id === word || name === word)
    if (found) return found
    throw new UsageError({ what: `No ${noun} called ${word} waits.`, next: 'What waits: mayfly restore status' })
  })
}

async function accountsToo(context: Context, doing: string, all: boolean): Promise<string[]> {
  const wanted = context.flags.all('accounts-of')
  if (!all && wanted.length === 0) return []
  const broker = context.broker()
  const agents = all ? [] : await broker.everything(doing, '/v1/agents')
  const ids = wanted.map(word => {
    const found = agents.find(({ id, name }) => id === word || name === word)
    if (found) return String(found['id'])
    throw new UsageError({ what: `There is no agent called ${word}.`, next: 'Those there are: mayfly agents list' })
  })
  const held: readonly Thing[] = await broker.everything(doing, '/v1/accounts', { state: 'held' })
  return held.filter(({ agent }) => all || ids.includes(String(agent))).map(({ id }) => String(id))
}
