// docs/threat-model.md names a test for each attack and fault, or says what it waits for. Here the page is held to the tests.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const page = 'docs/threat-model.md'
const text = readFileSync(page, 'utf8')

interface Row {
  readonly number: string
  readonly covering: string
  /** Test files that the row names, from the root of the repository. */
  readonly files: readonly string[]
}

const rows: Row[] = text.split('\n').flatMap(line => {
  const [, number, , , covering] = line.split('|').map(cell => cell.trim())
  if (!number || !/^F?\d+$/.test(number) || covering === undefined) return []
  const files = [...covering.matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map(match => normalize(join(dirname(page), match[1]!)))
  return [{ number, covering, files }]
})

/** Whether a text in quotes there is titled with the row: `7: …`, `28, 30: …`, `(attack 7)`, `row 7`, `rows 7 and 8`, `F7`. */
function holdsTitle(file: string, number: string): boolean {
  const list = `(?:\\d+(?:, | and ))*${number}(?!\\d)`
  const forms = number.startsWith('F')
    ? [`['"\`][^'"\`\\n]*\\b${number}\\b`]
    : [`['"\`]${list}(?:(?:, | and )\\d+)*: `, `['"\`][^'"\`\\n]*\\b(?:attacks?|rows?) ${list}`]
  const source = readFileSync(file, 'utf8')
  return forms.some(form => new RegExp(form).test(source))
}

test('the page has each attack and each fault once, in order', () => {
  const attacks = Array.from({ length: 44 }, (_, i) => `${i + 1}`)
  const faults = Array.from({ length: 20 }, (_, i) => `F${i + 1}`)
  expect(rows.map(row => row.number)).toEqual([...attacks, ...faults])
})

describe('each row', () => {
  test.each(rows)(
    '$number is covered by tests that are titled with it, or says what it waits for',
    ({ number, covering, files }) => {
      if (covering.startsWith('later: ')) {
        for (const file of files) expect(readFileSync(file, 'utf8').length).toBeGreaterThan(0)
        return
      }
      expect(files.length).toBeGreaterThan(0)
      const untitled = files.filter(file => !holdsTitle(file, number))
      // A fault is shown by one test; beside it stand tests of the parts that hold it.
      if (number.startsWith('F')) expect(untitled.length, `none is titled with ${number}`).toBeLessThan(files.length)
      else expect(untitled).toEqual([])
    },
  )
})

test('no file of attacks is missing from the page', () => {
  const named = new Set(rows.flatMap(row => row.files))
  const there = globSync('test/attacks/*.test.ts').filter(file => !file.endsWith('threat-model.test.ts'))
  expect(there.filter(file => !named.has(file))).toEqual([])
})
