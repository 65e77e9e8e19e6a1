import type { Thing } from '../broker/broker.ts'
import type { Command, Context } from '../command.ts'
import { agentNames, tableOfEvents } from './event-text.ts'
import { filterFlags, filtersOf } from './filters.ts'

/** `mayfly audit unclaimed`: openings that no claim followed. */
export const auditUnclaimed: Command = {
  name: 'audit unclaimed',
  summary: 'List accounts that nobody ever claimed',
  about:
    'From the log alone, so also accounts that are long gone. An account counts by when it was opened; a claim counts whenever it came.',
  options: {
    agent: filterFlags['agent']!,
    from: filterFlags['from']!,
    to: filterFlags['to']!,
    tenant: filterFlags['tenant']!,
  },
  operations: ['GET /v1/audit'],
  examples: [
    {
      text: 'of one agent, opened in a month',
      command: 'mayfly audit unclaimed --agent nightly-report --from 2026-11-01 --to 2026-11-30',
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { print } = context
  const { to, ...since } = await filtersOf(context, 'audit unclaimed')
  const items = await print.progress('Searching the log', () => findUnclaimed(context, since, to))
  if (print.json) return print.thing({ items })
  if (items.length === 0) return print.note('Every account of that kind was claimed, or there is none.')
  print.table(tableOfEvents(items, await agentNames(context, 'audit unclaimed')))
}

/** Claims are few and openings many: the first are kept in memory, the others go past. */
async function findUnclaimed(
  context: Context,
  since: Readonly<Record<string, string>>,
  to: string | undefined,
): Promise<Thing[]> {
  const read = (query: Record<string, string>) => context.broker().all('audit unclaimed', '/v1/audit', query)
  const claimed = new Set<unknown>()
  for await (const { account } of read({ ...since, type: 'account.claimed' })) claimed.add(account)
  const unclaimed: Thing[] = []
  const opened = { ...since, ...(to !== undefined && { to }), type: 'account.opened', order: 'oldest' }
  for await (const item of read(opened)) if (!claimed.has(item['account'])) unclaimed.push(item)
  return unclaimed
}
