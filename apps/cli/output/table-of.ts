import type { Thing } from '../broker/broker.ts'
import type { Table } from './table.ts'

/** A table of things; columns are members. */
export function tableOf(things: readonly Thing[], columns: readonly string[]): Table {
  return {
    head: columns.map(column => column.replace(/_(at|on)$/, '').replaceAll('_', ' ')),
    rows: things.map(thing => columns.map(column => cellOf(thing[column], column))),
  }
}

function cellOf(value: unknown, column: string): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map(item => cellOf(item, '')).join(', ')
  if (typeof value === 'object') return JSON.stringify(value)
  // To the minute, in UTC, as the broker's log has it.
  if (column.endsWith('_at') && typeof value === 'string') return value.replace(/^(\S{10})T(\d\d:\d\d).*$/, '$1 $2Z')
  return String(value)
}
