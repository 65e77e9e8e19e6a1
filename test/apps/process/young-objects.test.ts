import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

// Set at run time, a flag that V8 does not know any more is passed over without a word; on the command line it is an error.
test('the flag that keeps objects young is one that this V8 knows', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--no-allocation-site-pretenuring', '--eval', ''], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
