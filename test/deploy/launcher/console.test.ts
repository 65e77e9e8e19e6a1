import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildConsole, consoleReady } from '#deploy/launcher/console.js'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-console-'))
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json']) cpSync(resolve(file), join(root, file))
  mkdirSync(join(root, 'node_modules'))
  for (const name of ['vite', '@vitejs', 'rolldown', '@rolldown', 'lightningcss', 'postcss', 'picomatch', 'tinyglobby'])
    if (existsSync(resolve('node_modules', name))) symlinkSync(resolve('node_modules', name), join(root, 'node_modules', name))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const write = (path: string, text: string): void => {
  mkdirSync(join(root, 'apps/console/src'), { recursive: true })
  writeFileSync(join(root, 'apps/console', path), text)
}
const asset = () => existsSync(join(root, 'apps/console/dist/index.html'))

describe('the console', () => {
  test('is built where it is missing or other than its sources, and only then', async () => {
    expect(consoleReady(root)).toBe(true)
    write('index.html', '<!doctype html><script type="module" src="/src/main.ts"></script>')
    write('src/main.ts', 'console.log(1)')
    expect(consoleReady(root)).toBe(false)
    await buildConsole(root, process.execPath)
    expect([consoleReady(root), asset()]).toEqual([true, true])
    write('src/main.ts', 'console.log(2)')
    expect(consoleReady(root)).toBe(false)
  })

  test('stays as it was when its sources are broken, and says what is', async () => {
    write('src/main.ts', 'this is no code')
    await expect(buildConsole(root, process.execPath)).rejects.toThrow(/console cannot be built[\s\S]*main\.ts/)
    expect([consoleReady(root), asset()]).toEqual([false, true])
  })
})
