// Whoever hands over an export may be the one to doubt: what would be read for ever, or fill the memory, is not read at all.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createDiskFiles } from '#apps/cli/audit/disk-files.ts'
import { linesOf } from '#core/audit/export/export-files.ts'
import { ExportError } from '#core/audit/export/manifest.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = createDiskFiles(folder)

test('what is there is read, and what is not is undefined', () => {
  writeFileSync(join(folder, 'lines'), 'one\ntwo\nthree')
  expect([...linesOf(files, 'lines')]).toEqual(['one', 'two', 'three'])
  expect(files.read('lines')?.toString()).toBe('one\ntwo\nthree')
  expect([files.read('none'), files.read('.'), [...files.blocks('none')]]).toEqual([undefined, undefined, []])
})

test('a file of many blocks is read line by line, be a line longer than a block', () => {
  const lines = Array.from({ length: 40 }, (_, at) => `${at} ${'ä'.repeat(at === 17 ? 3 << 20 : 40_000)}`)
  for (const end of ['', '\n']) {
    writeFileSync(join(folder, 'long'), lines.join('\n') + end)
    expect([...linesOf(files, 'long')]).toEqual(lines)
    for (const block of files.blocks('long')) expect(block.at(-1) === 0x0a || end === '').toBe(true)
  }
})

test('a pipe or a device in place of a file is refused, and not waited for', () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  symlinkSync('/dev/zero', join(folder, 'zeros'))
  for (const name of ['pipe', 'zeros']) {
    expect(() => files.read(name), name).toThrow(ExportError)
    expect(() => files.blocks(name)[Symbol.iterator]().next(), name).toThrow(ExportError)
  }
})

test('a file or a line beyond any that an export has is refused before it fills the memory', () => {
  writeFileSync(join(folder, 'vast'), '')
  truncateSync(join(folder, 'vast'), 8 * 2 ** 30)
  expect(() => files.read('vast')).toThrow(/larger than any file/)
  expect(() => files.blocks('vast')[Symbol.iterator]().next()).toThrow(/longer than any/)
})
