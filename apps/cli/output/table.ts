// Lists for people: aligned columns, cut to the terminal's width. For programs without --json: tab-separated values with a head
// line, nothing cut.

import { visibleLine } from './visible.ts'

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns that are worth nothing when they are cut: ids, times. */
  readonly whole?: readonly boolean[]
}

const gap = 2
const least = 8

/** width: of the terminal, in characters. Lines without line breaks; the first is the head. */
export function alignedLines({ head, rows, whole = [] }: Table, width: number): string[] {
  const cells = [head.map(title => title.toUpperCase()), ...rows.map(row => row.map(visibleLine))]
  const widths = narrow(
    head.map((_, column) => Math.max(...cells.map(row => lengthOf(row[column] ?? '')))),
    width,
    whole,
  )
  return cells.map(row =>
    row
      .map((cell, column) => pad(cut(cell, widths[column]!), column === row.length - 1 ? 0 : widths[column]! + gap))
      .join('')
      .trimEnd(),
  )
}

/** One line per row; tabs and line breaks inside a cell become spaces. */
export function tabSeparatedLines({ head, rows }: Table): string[] {
  return [head, ...rows].map(row => row.map(visibleLine).join('\t'))
}

/** The widest column gives way first, none under `least`. What is then still too long goes on in the next line. */
function narrow(wanted: readonly number[], width: number, whole: readonly boolean[]): number[] {
  const widths = [...wanted]
  const total = () => widths.reduce((sum, each) => sum + each, 0) + gap * (widths.length - 1)
  while (total() > width) {
    const widest = widths.reduce((best, each, at) => (!whole[at] && each > (widths[best] ?? 0) ? at : best), -1)
    if (widest === -1 || widths[widest]! <= least) break
    widths[widest]! -= 1
  }
  return widths
}

/** Characters as people count them, near enough: code points. */
const lengthOf = (text: string): number => [...text].length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)))
const cut = (text: string, width: number): string =>
  lengthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`
