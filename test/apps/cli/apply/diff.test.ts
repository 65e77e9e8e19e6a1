import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const mayfly = (...words: readonly string[]) => person.mayfly(words, { env: environmentOf(broker, person) })

test('a folder is its YAML and JSON files; diff shows what apply would do, and by its exit code that there is something', async () => {
  mkdirSync(`${person.home}/registry/inner`, { recursive: true })
  person.file('registry/1-sources.yaml', 'version: 1\ntrust_sources: [{kind: pinned, name: laptops}]\n')
  person.file('registry/2-more.json', '{"version":1,"trust_sources":[{"kind":"pinned","name":"phones"}]}')
  person.file('registry/.draft.yaml', '{')
  person.file('registry/notes.md', 'no YAML: {')
  person.file('registry/inner/3.yaml', '{')

  const shown = await mayfly('diff', '-f', 'registry')
  expect([shown.code, shown.err]).toEqual([0, ''])
  expect(shown.out).toMatch(/\+ trust source laptops\n[\s\S]*\+ trust source phones\n/)
  expect(await mayfly('diff', '-f', 'registry', '--exit-code')).toMatchObject({ code: 1, out: shown.out })
  expect((await mayfly('trust-sources', 'get', 'laptops')).code).toBe(1)

  expect((await mayfly('apply', '-f', 'registry', '--yes')).code).toBe(0)
  expect((await mayfly('diff', '-f', 'registry', '--exit-code', '--json')).json()).toEqual({
    steps: [],
    unchanged: 2,
    applied: false,
  })
})

test('a folder without such files is told to be one', async () => {
  mkdirSync(`${person.home}/empty`)
  expect(await mayfly('diff', '-f', 'empty')).toMatchObject({
    code: 1,
    err: expect.stringContaining('has no YAML and no JSON file'),
  })
})
