import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { errorCodes } from '#core/errors/codes.ts'

const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section]),
)

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
