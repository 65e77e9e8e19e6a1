import type { Thing } from '../broker/broker.ts'
import type { Table } from './table.ts'

/** A table of things; columns are members, dots lead into nested ones. */
export function tableOf(things: readonly Thing[], columns: readonly string[]): Table {
  return {
    head: columns.map(headOf),
    whole: columns.map(column => wholeColumns.test(column)),
    rows: things.map(thing => columns.map(column => cellOf(valueAt(thing, column), column))),
  }
}

const wholeColumns = /(^|[._])(id|kid|at|on|since|not_after|status|state|step|kind|role)$/

/** `next_step.at` → `next step at`, `proposed_by.person.name` → `proposed by`, `created_at` → `created` */
const headOf = (column: string): string =>
  column
    .replace(/\.(person\.name|step)$/, '')
    .replace(/_(at|on)$/, '')
    .replace(/[._]/g, ' ')

const valueAt = (thing: Thing, column: string): unknown =>
  column.split('.').reduce<unknown>((value, member) => (value as Thing | undefined)?.[member], thing)

function cellOf(value: unknown, column: string): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map(item => cellOf(item, '')).join(', ')
  if (typeof value === 'object') return JSON.stringify(value)
  // To the minute, in UTC, as the broker's log has it.
  if (/(^|[._])(at|since|not_after)$/.test(column) && typeof value === 'string')
    return value.replace(/^(\S{10})T(\d\d:\d\d).*$/, '$1 $2Z')
  return String(value)
}
