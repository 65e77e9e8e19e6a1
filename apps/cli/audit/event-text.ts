// Events in words for people: when, what, who, about what, and why.

import type { Thing } from '../broker/broker.ts'
import type { Context } from '../command.ts'
import type { Paint } from '../output/paint.ts'
import type { Table } from '../output/table.ts'
import { visibleLine } from '../output/visible.ts'

/** Names of registered agents by id; empty where they may not be listed. Only worth a call where somebody looks. */
export async function agentNames({ broker, io, print }: Context, doing: string): Promise<ReadonlyMap<string, string>> {
  if (print.json || !io.terminal.out) return new Map()
  try {
    const { items } = await broker().page(doing, '/v1/agents', { limit: 200 })
    return new Map(items.map(({ id, name }) => [String(id), String(name)]))
  } catch {
    return new Map()
  }
}

export const timeText = (time: unknown): string => String(time).replace(/^(\S{10})T(\d\d:\d\d:\d\d).*$/, '$1 $2Z')

export function whoText(event: Thing, names: ReadonlyMap<string, string>): string {
  const { kind, id } = (event['actor'] ?? {}) as { kind?: string; id?: string }
  return id === undefined ? String(kind ?? '') : (names.get(id) ?? id)
}

/** Facts that other columns tell, or that say nothing by themselves. */
const told = new Set(['actor', 'actor_role', 'actor_person', 'reason', 'config_epoch', 'decisions', 'trust_source', 'ceiling'])

/** What else there is to say, in one line. */
export function detailText(event: Thing, names: ReadonlyMap<string, string> = new Map()): string {
  const { facts, token, reason } = event as { facts?: Thing | null; token?: string; reason?: string }
  const said = Object.entries(facts ?? {}).filter(
    ([name, value]) => !told.has(name) && typeof value !== 'object' && value !== false,
  )
  const about = actsItself(event) ? [] : [agentText(event, names)]
  const parts = [reason, ...about, token, ...said.map(([name, value]) => `${name}=${valueText(name, value)}`)]
  return visibleLine((facts === null ? [...parts, '(body dropped)'] : parts).filter(part => part !== undefined).join('  '))
}

const actsItself = ({ agent, actor }: Thing): boolean => agent === (actor as Thing | undefined)?.['id']

function agentText({ agent, facts }: Thing, names: ReadonlyMap<string, string>): string | undefined {
  if (agent === undefined || (facts as Thing | null | undefined)?.['agent'] !== undefined) return undefined
  return `agent=${names.get(String(agent)) ?? String(agent)}`
}

/** Facts that the log has as bare uuids; people and every other command know them with a prefix. */
const prefixes: Readonly<Record<string, string>> = { resource: 'res', parent: 'acct', root: 'acct' }
const bareUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function valueText(name: string, value: unknown): string {
  if (typeof value === 'number' && /^(deadline|expires|not_after|.+_at)$/.test(name))
    return timeText(new Date(value * 1_000).toISOString())
  const prefix = prefixes[name]
  return prefix && bareUuid.test(String(value)) ? `${prefix}_${String(value).replaceAll('-', '')}` : String(value)
}

/** Narrower than this, a whole account id would leave no room for why something was refused. */
export const widthWithAccounts = 140

/** columns: of the terminal; undefined: nothing is left out. */
export function tableOfEvents(events: readonly Thing[], names: ReadonlyMap<string, string>, columns?: number): Table {
  const { head, whole, rows } = wholeTable(events, names)
  if (columns === undefined || columns >= widthWithAccounts) return { head, whole, rows }
  const kept = <T>(cells: readonly T[]) => cells.filter((_, at) => head[at] !== 'account')
  return { head: kept(head), whole: kept(whole), rows: rows.map(kept) }
}

function wholeTable(events: readonly Thing[], names: ReadonlyMap<string, string>) {
  return {
    head: ['time', 'decision', 'event', 'who', 'account', 'details', 'position'],
    whole: [true, true, true, false, true, false, true],
    rows: events.map(event => [
      timeText(event['time']),
      String(event['decision'] ?? ''),
      String(event['type']),
      whoText(event, names),
      String(event['account'] ?? ''),
      detailText(event, names),
      String(event['position']),
    ]),
  }
}

/** One line of a story. sinceMs: of the event before; undefined: it is the first. */
export function storyLine(paint: Paint, event: Thing, names: ReadonlyMap<string, string>, sinceMs: number | undefined): string {
  const decision = event['decision']
  const mark =
    decision === 'deny'
      ? paint.red('✖')
      : decision === 'allow'
        ? paint.green('✔')
        : decision === 'defer'
          ? paint.yellow('…')
          : '•'
  const later = sinceMs === undefined ? '' : `+${spanText(sinceMs)}`
  const type = String(event['type']).padEnd(28)
  return `${paint.dim(timeText(event['time']))} ${later.padStart(8)}  ${mark} ${paint.bold(type)} ${visibleLine(whoText(event, names))}  ${paint.dim(detailText(event, names))}`.trimEnd()
}

/** `0.2 s`, `4 min`, `3 h`, `12 d` */
export function spanText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}
