import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BodyLines } from '#core/audit/export/body-lines.ts'
import { saltRoomBytes } from '#core/audit/export/is-body-of.ts'

/** Positions and bodies; -1 for a line that has none. */
function read(blocks: Iterable<Buffer>): [number, string?][] {
  const lines = new BodyLines(blocks)
  const found: [number, string?][] = []
  while (lines.next())
    found.push(lines.position < 0 ? [-1] : [lines.position, lines.bytes.toString('utf8', saltRoomBytes, lines.end)])
  return found
}

/** As JSON.parse takes them. */
function parsed(line: string): [number, string?] {
  try {
    const { position, body } = JSON.parse(line)
    return Number.isSafeInteger(position) && position >= 0 && typeof body === 'string' ? [position, body] : [-1]
  } catch {
    return [-1]
  }
}

const position = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 1e15, 1e16, -1, 1.5))
const written = fc
  .tuple(position, fc.string())
  .map(([at, body]) => JSON.stringify({ position: at, body: JSON.stringify({ body }) }))
const odd = fc.constantFrom(
  '',
  '{"position":1,"body":"a","body":"b"}',
  '{"position":01,"body":"a"}',
  '{"position":,"body":"a"}',
  '{"position":1e2,"body":"a"}',
  '{"body":"a","position":7}',
  '{ "position": 3, "body": "\\u0041\\n" }',
  '{"position":4,"body":"ä\\u00e4"}',
  '{"position":5,"body":"a"}\r',
  '{"position":5,"body":"a"} {}',
  '{"position":5,"body":"a',
  '{"position":5,"body":null}',
  '{"position":6,"body":"a"b"}',
  '{"position":6,"body":"a","more":"b"}',
  '{"position":"6","body":"a"}',
)

test('lines are those that JSON.parse reads, however they are spelt and in whatever blocks they come', () => {
  const blocks = fc.array(fc.array(fc.oneof(written, odd), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(blocks, fc.boolean(), (some, isEnded) => {
      const bytes = some.map((lines, at) => Buffer.from(lines.join('\n') + (at < some.length - 1 || isEnded ? '\n' : '')))
      const lines = some.flat()
      if (!isEnded && lines.at(-1) === '') lines.pop()
      expect(read(bytes.filter(({ length }) => length > 0))).toEqual(lines.map(parsed))
    }),
    { numRuns: 1_000 },
  )
})

test('a body in what is no UTF-8 is not the bytes that stand there', () => {
  const line = Buffer.concat([Buffer.from('{"position":1,"body":"a'), Buffer.of(0xff), Buffer.from('"}\n')])
  expect(read([line])).toEqual([[1, 'a\ufffd']])
})
