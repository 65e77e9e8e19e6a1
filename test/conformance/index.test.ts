import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'

test('README.md names every file here, and only files that exist', () => {
  const folder = 'test/conformance'
  const named = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map(match => match[1]!)
  expect(named.filter(file => !existsSync(join(folder, file)))).toEqual([])
  const there = globSync(`${folder}/*.test.ts`).map(file => basename(file))
  expect(there.filter(file => file !== 'index.test.ts' && !named.includes(file))).toEqual([])
})
