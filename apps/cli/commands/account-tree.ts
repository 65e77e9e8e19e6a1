// `mayfly account tree`: an account and the accounts of its sub-agents, drawn.

import type { Thing } from '../broker/broker.ts'
import type { Command, Context } from '../command.ts'
import { visibleLine } from '../output/visible.ts'
import { findId } from '../v1/find-id.ts'

export const accountTree: Command = {
  name: 'account tree',
  summary: 'Show an account and all below it',
  arguments: [{ name: 'account', summary: 'its id' }],
  operations: ['GET /v1/accounts/{id}/tree'],
  examples: [
    { text: 'who works for whom', command: 'mayfly account tree acct_…' },
    { text: 'as a list, parents first', command: 'mayfly account tree acct_… --json' },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { print, args } = context
  const id = await findId(context.broker(), 'account tree', { parameter: 'id', argument: 'account' }, args['account']!)
  const path = `/v1/accounts/${encodeURIComponent(id)}/tree`
  const { body } = await print.progress('Looking', () => context.broker().call('account tree', { method: 'GET', path }))
  const items = (body['items'] ?? []) as readonly Thing[]
  print.result(body, () => treeLines(items).join('\n'))
  if (body['truncated'] === true && !print.json) print.note('There are more below it than are shown.')
}

/** One line for each, below its parent. items: parents first; the first is the top. */
export function treeLines(items: readonly Thing[]): string[] {
  const below = Map.groupBy(items.slice(1), item => String(item['parent']))
  const draw = (item: Thing, lead: string, branch: string): string[] => {
    const children = below.get(String(item['id'])) ?? []
    const inner = branch === '' ? '' : lead + (branch.startsWith('└') ? '   ' : '│  ')
    const lines = children.flatMap((child, at) => draw(child, inner, at === children.length - 1 ? '└─ ' : '├─ '))
    return [`${lead}${branch}${lineOf(item)}`, ...lines]
  }
  const [top] = items
  return top ? draw(top, '', '') : []
}

function lineOf(item: Thing): string {
  const { task_id: task, state, live, agent, id } = item
  // What descends from something that has ended is over though its own row may not say so yet.
  const word = state === 'active' && live === false ? 'ended with its parent' : String(state)
  return visibleLine(`${String(task)}  ${word}  ${String(agent)}  ${String(id)}`)
}
