import { describe, expect, test } from 'vitest'
import { answerLines } from '#apps/broker/routes/v1/audit/audit-lines.ts'
import type { ShownEvent } from '#core/audit/query/show-event.ts'

const event: ShownEvent = {
  position: 7,
  id: '018f3c5e-8a7b-7c0e-9d1f-2a3b4c5d6e7f',
  time: '2026-11-23T08:00:00.000Z',
  type: 'decisions.reported',
  actor: { kind: 'system' },
  facts: {},
  sealed: false,
  receipt: '',
}
const reply = { header: () => reply, type: () => reply, serializer: () => reply } as never

/** The line of one event. */
const csvOf = (more: Partial<ShownEvent> & { readonly private?: unknown }): string =>
  (answerLines(reply, 'csv', [{ ...event, ...more }], undefined) as string).split('\r\n')[1]!
const cellsOf = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!)

describe('events as CSV', () => {
  test.each(['=1+1', '+1', '-1', '@SUM(1)', ' =1+1', '\t=1+1', '\r\n=1+1', '\uff1d =1', 'a;=1+1', 'a; \t@x', ';-1', '","=1+1'])(
    'let no cell begin with a formula, whatever separates cells: %j (attack 28)',
    text => {
      const line = csvOf({ reason: text, facts: { said: text }, private: { said: text } })
      for (const cell of [...cellsOf(line), ...line.split(';'), ...cellsOf(line).flatMap(each => each.split(';'))])
        expect(cell, line).not.toMatch(/^"?\s*[=+\-@]/)
    },
  )

  test('hold facts as the JSON that they are', () => {
    const facts = { said: 'a;=1+1, "b"\u202e\n', more: [';'] }
    expect(cellsOf(csvOf({ facts })).flatMap(cell => (cell.startsWith('{') ? [JSON.parse(cell)] : []))).toEqual([facts])
  })
})
