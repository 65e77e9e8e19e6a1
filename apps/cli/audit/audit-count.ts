import type { Command, Context } from '../command.ts'
import { filterFlags, filtersOf } from './filters.ts'

/** `mayfly audit count`: how many entries there are of a kind, exactly. */
export const auditCount: Command = {
  name: 'audit count',
  summary: 'Count entries of the audit log, exactly',
  about: 'All flags must hold. Every entry is looked at, so of many millions this takes seconds.',
  options: filterFlags,
  operations: ['GET /v1/audit'],
  examples: [
    {
      text: 'tokens issued to an agent in a month',
      command: 'mayfly audit count --agent nightly-report --type token.issued --from 2026-11-01 --to 2026-11-30',
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { print } = context
  const query = { ...(await filtersOf(context, 'audit count')), count: 'exact', limit: '1' }
  const { body } = await print.progress('Counting', () =>
    context.broker().call('audit count', { method: 'GET', path: '/v1/audit', query }),
  )
  const { count, complete_to, behind } = body
  print.result({ count, complete_to, behind }, () => String(count))
}
