import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '#core/errors/codes.ts'

const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section]),
)

/** Everything that may answer a client, without the table itself. */
async function readSources(): Promise<string> {
  const root = join(import.meta.dirname, '../../..')
  const texts = ['apps', 'core', 'db'].map(async house => {
    const files = await readdir(join(root, house), { recursive: true })
    const sources = files.filter(file => file.endsWith('.ts') && file !== 'errors/codes.ts')
    return Promise.all(sources.map(file => readFile(join(root, house, file), 'utf8')))
  })
  return (await Promise.all(texts)).flat().join('\n')
}

test('the table holds no code that nothing throws', async () => {
  const sources = await readSources()
  expect(Object.keys(errorCodes).filter(code => !sources.includes(`'${code}'`))).toEqual([])
})

describe('docs/errors.md', () => {
  test('documents every code once, in the order of the table, and none that is gone', () => {
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(match => match[1])
    expect(headings).toEqual(Object.keys(errorCodes))
  })

  test.each(Object.entries(errorCodes))('%s: status, wire value, what happened, what to do', (code, { status, wire }) => {
    const section = sections.get(code)!
    expect(section).toContain(`\n${status} \`${wire}\`\n`)
    expect(section).toMatch(/\*\*What happened\.\*\* \S/)
    expect(section).toMatch(/\*\*Do\.\*\* \S/)
  })

  test.each(Object.entries(errorCodes))('%s has a public text that any error_description may hold', (_code, { text }) => {
    expect(text).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+\.$/)
  })
})
