import { describe, expect, test } from 'vitest'
import { chapters } from '#apps/standalone/demo/chapters.ts'
import { humanNarrator, jsonNarrator } from '#apps/standalone/demo/narrator.ts'
import { wantsColour } from '#apps/standalone/paint.ts'

const [step] = chapters[0]!.steps
const steps = chapters.flatMap(chapter => chapter.steps)

function collect(): { write: (text: string) => void; text: () => string } {
  let text = ''
  return { write: more => (text += more), text: () => text }
}

describe('for people', () => {
  test('every step fits a terminal of 100 columns and begins its text in one column', () => {
    const { write, text } = collect()
    const narrator = humanNarrator(write, false, chapters)
    for (const step of steps) narrator.passed(step, { said: 'x' }, 12_345)
    for (const line of text().trimEnd().split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
    const whys = text()
      .split('\n')
      .filter((_, i) => i % 2 === 1)
    const lines = text()
      .split('\n')
      .filter((line, i) => i % 2 === 0 && line !== '')
    for (const [i, line] of lines.entries()) expect(line.indexOf(' x')).toBe(whys[i]!.search(/\S/) - 1)
  })

  test('has no escape codes without colour, and keeps the same text with it', () => {
    const [plain, coloured] = [collect(), collect()]
    for (const [out, colour] of [
      [plain, false],
      [coloured, true],
    ] as const) {
      const narrator = humanNarrator(out.write, colour, chapters)
      narrator.chapter('One')
      narrator.passed(step!, { said: 'done' }, 5)
      narrator.failed(step!, 'expected 200, got 500', 5)
      narrator.end(1, 2_000)
    }
    expect(plain.text()).not.toContain('\x1b')
    expect(coloured.text()).toContain('\x1b')
    expect(coloured.text().replace(/\x1b\[[0-9;]*m/g, '')).toBe(plain.text())
  })
})

test('for programs, says one line of JSON a step and nothing else', () => {
  const { write, text } = collect()
  const narrator = jsonNarrator(write)
  narrator.chapter('One')
  narrator.passed(step!, { said: 'done', facts: { status: 200 } }, 5)
  narrator.failed(step!, 'expected 200', 6)
  narrator.end(1, 11)
  expect(
    text()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
  ).toEqual([
    { step: 'start', ok: true, ms: 5, said: 'done', status: 200 },
    { step: 'start', ok: false, ms: 6, problem: 'expected 200' },
  ])
})

test('names no step twice', () => expect(new Set(steps.map(({ name }) => name)).size).toBe(steps.length))

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
])('colour on a terminal (%s) with %o: %s', (isTTY, env, expected) => expect(wantsColour({ isTTY }, env)).toBe(expected))
