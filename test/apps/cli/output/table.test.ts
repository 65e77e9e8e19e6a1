import { describe, expect, test } from 'vitest'
import { alignedLines, tabSeparatedLines } from '#apps/cli/output/table.ts'
import { tableOf } from '#apps/cli/output/table-of.ts'

const id = `agt_${'0'.repeat(32)}`
const things = [
  { name: 'nightly-report', owner: 'the data platform team of the whole company', review_on: '2030-01-31', id },
  { name: 'b', owner: 'someone\nelse\u001b[31m', review_on: '2030-02-28', id },
]
const table = tableOf(things, ['name', 'owner', 'review_on', 'id'])

describe('a table', () => {
  test('fits the terminal, and never cuts ids and dates', () => {
    const lines = alignedLines(table, 90)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(90)
    for (const line of lines.slice(1)) expect(line).toMatch(/2030-0\d-\d\d {2}agt_0{32}$/)
    expect(lines[1]).toContain('…')
    expect(lines[0]).toMatch(/^NAME +OWNER +REVIEW +ID$/)
  })

  test('is not cut further than can be read, however narrow the terminal', () => {
    expect(alignedLines(table, 10)[1]).toContain(id)
  })

  test('shows nothing that steers the terminal, and one line for each', () => {
    const lines = [...alignedLines(table, 200), ...tabSeparatedLines(table)]
    expect(lines).toHaveLength(6)
    expect(lines.join('')).not.toContain('\u001b')
    expect(lines.join('')).toContain('someone else\\u001b[31m')
  })

  test('has whole cells where a program reads it', () => {
    expect(tabSeparatedLines(table)[1]!.split('\t')).toEqual(Object.values(things[0]!))
  })
})
