import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bringRuntime, getRuntime, isNewEnough, RUNTIMES, runtimePath } from '#deploy/launcher/runtime.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-runtime-'))
  mkdirSync(join(root, 'npm'))
  // A stand-in for "npm pack": puts the prepared archive where it is asked to.
  const script =
    '#!/bin/sh\nfor a; do case $a in --pack-destination=*) cp "$(dirname "$0")/it.tgz" "$(echo "$a" | cut -d= -f2)/x.tgz";; esac; done\n'
  writeFileSync(join(root, 'npm', 'npm'), script, { mode: 0o755 })
  vi.stubEnv('npm_execpath', undefined)
  vi.stubEnv('PATH', [join(root, 'npm'), process.env['PATH']].join(delimiter))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(root, { recursive: true, force: true })
})

/** A ustar archive, gzipped. */
function archive(files: Record<string, string>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, body]) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(Buffer.byteLength(body).toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    const data = Buffer.alloc(Math.ceil(Buffer.byteLength(body) / 512) * 512)
    data.write(body)
    return [header, data]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

function publish(bytes: Buffer): { name: string; version: string; integrity: string } {
  writeFileSync(join(root, 'npm', 'it.tgz'), bytes)
  return { name: 'node-here', version: '1.2.3', integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}` }
}

const PROGRAM = `#!/bin/sh\n# ${'x'.repeat(100_000)}\necho v1.2.3\n`
const bring = (runtime: { name: string; version: string; integrity: string }) => bringRuntime(root, runtime, () => {})
const leftBehind = () => (existsSync(join(root, '.mayfly', 'runtime')) ? readdirSync(join(root, '.mayfly', 'runtime')) : [])

test('puts the one program of the pinned package in its place, whole and executable', async () => {
  const runtime = publish(
    archive({ 'package/README.md': 'x'.repeat(700), 'package/bin/node': PROGRAM, 'package/../../../evil': 'evil' }),
  )
  await bring(runtime)
  const path = runtimePath(root, runtime)
  expect(readFileSync(path, 'utf8')).toBe(PROGRAM)
  expect(statSync(path).mode & 0o111).toBe(0o111)
  expect(leftBehind()).toEqual(['node-here-1.2.3'])
  expect(existsSync(join(root, '..', 'evil'))).toBe(false)
})

test('two at once end with one whole program', async () => {
  const runtime = publish(archive({ 'package/bin/node': PROGRAM }))
  await Promise.all([bring(runtime), bring(runtime)])
  expect(leftBehind()).toEqual(['node-here-1.2.3'])
})

describe('leaves nothing behind and says why', () => {
  test('when the package is not the pinned one', async () => {
    const runtime = publish(archive({ 'package/bin/node': PROGRAM }))
    publish(archive({ 'package/bin/node': PROGRAM.replace('x', 'y') }))
    await expect(bring(runtime)).rejects.toThrow(/not the pinned one/)
    expect(leftBehind()).toEqual([])
  })

  test('when the program does not run here', async () => {
    const runtime = publish(archive({ 'package/bin/node': '#!/bin/sh\necho "GLIBC_2.28 not found" >&2\nexit 1\n' }))
    await expect(bring(runtime)).rejects.toThrow(/does not run here[\s\S]*GLIBC_2\.28 not found/)
    expect(leftBehind()).toEqual([])
  })

  test.each([
    ['holds no program', archive({ 'package/README.md': 'x' })],
    [
      'is cut short',
      gzipSync(
        Buffer.concat([Buffer.from('package/bin/node'.padEnd(124, '\0')), Buffer.from('00000777777\0'.padEnd(388, '\0'))]),
      ),
    ],
  ])('when the package %s', async (_, bytes) => {
    await expect(bring(publish(bytes))).rejects.toThrow()
    expect(leftBehind()).toEqual([])
  })

  test('when npm cannot fetch it', async () => {
    copyFileSync('/bin/false', join(root, 'npm', 'npm'))
    await expect(bring({ name: 'node-here', version: '1.2.3', integrity: 'sha512-' })).rejects.toThrow(/cannot be brought/)
    expect(leftBehind()).toEqual([])
  })
})

test.each([
  ['18.20.0', false],
  ['23.11.1', false],
  ['24.0.0', true],
  ['26.10.0', true],
  ['100.0.0', true],
])('Node %s is new enough: %s', (version, expected) => expect(isNewEnough(version)).toBe(expected))

test('knows a pinned runtime for each platform, and says so where there is none', () => {
  for (const [platform, runtime] of Object.entries(RUNTIMES)) {
    expect(getRuntime(platform)).toBe(runtime)
    expect(runtime.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/)
  }
  expect(() => getRuntime('linux-s390x')).toThrow(/not for linux-s390x[\s\S]*Install Node 24/)
})
