// packages/client-python: its style, its types, its wheel, and its own tests, with a real broker and real guards.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { forgetPytestCounts, preparePython, pytestResults, pythonCache, readPytestCounts, runPython } from '#test/setup/python.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { type PythonWorld, startPythonWorld } from './python-world.ts'

forgetPytestCounts()
const python = await preparePython()

describe.skipIf(python === undefined)('the Python client', () => {
  const broker = useBroker()
  let world: PythonWorld | undefined
  beforeAll(async () => {
    world = await startPythonWorld(broker.running)
  })
  afterAll(() => world?.close())

  /** Fails with what the program said. */
  const succeed = async (...args: string[]): Promise<string> => {
    const { code, output } = await runPython(python!, args, { MAYFLY_TEST_WORLD: world!.file })
    if (code !== 0) throw new Error(`${args.slice(0, 3).join(' ')} ended with ${code}:\n${output}`)
    return output
  }

  test('is formatted and free of what ruff knows to be wrong', async () => {
    await succeed('-m', 'ruff', 'check', '--no-cache', '.')
    await succeed('-m', 'ruff', 'format', '--no-cache', '--check', '.')
  })

  test('passes mypy --strict for Python 3.10 and newer', { timeout: 120_000 }, async () => {
    await succeed('-m', 'mypy', '--strict', '--cache-dir', join(pythonCache, 'mypy'))
  })

  test('passes its own tests with threads, asyncio, a broker and guards in all replay modes, none left out in CI', {
    timeout: 180_000,
  }, async () => {
    const { code, output } = await runPython(python!, ['-m', 'pytest', '-rs', `--junitxml=${pytestResults}`], {
      MAYFLY_TEST_WORLD: world!.file,
    })
    const counts = readPytestCounts()
    console.log(`pytest: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
    expect({ code, failed: counts.failed }, output).toEqual({ code: 0, failed: 0 })
    expect(counts.passed).toBeGreaterThan(150)
    // A developer's machine may lack openssl; the gate lacks nothing.
    if (process.env['CI']) expect(counts.skipped, output).toBe(0)
  })

  test('makes a wheel with its types and licence', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-wheel-'))
    try {
      await succeed('-m', 'hatchling', 'build', '-t', 'wheel', '-d', folder)
      const listing = await succeed('-m', 'zipfile', '-l', join(folder, 'mayfly_client-0.1.0-py3-none-any.whl'))
      expect(listing).toMatch(/^mayfly\/py\.typed /m)
      expect(listing).toMatch(/licenses\/LICENSE /)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
