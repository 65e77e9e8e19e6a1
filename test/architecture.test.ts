// The house rules that a machine can hold: who may import whom, no cycles, no file that has grown into a heap.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const maxLines = 300
const generated = new Set(['db/schema.ts', 'packages/client/src/api/generated.ts'])

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(tsx?|js)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .filter(file => !/(^|\/)(node_modules|dist)\//.test(file))
}

const houses = ['apps', 'core', 'db', 'deploy', 'packages', 'test'] as const
const files = houses.flatMap(filesUnder)

/** Static and dynamic imports of a file, as paths from the root or package names. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8')
  const specifiers = [
    ...source.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"\n;]*?(?:\n[^'"]*?)?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
    ),
  ]
  return specifiers.map(([, from, dynamic, bare]) => {
    const specifier = (from ?? dynamic ?? bare)!
    if (specifier.startsWith('#')) return specifier.slice(1)
    return specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier
  })
}

const graph = new Map(files.map(file => [file, importsOf(file)]))
const house = (path: string): string => path.split('/')[0]!

/** What each house may import of ours. `deploy` and `test` stand above all. */
const allowed: Record<string, readonly string[]> = {
  core: ['core', 'db'],
  db: ['db', 'core/errors', 'core/ids'],
  apps: ['apps', 'core', 'db', 'packages'],
  packages: ['packages'],
}

/** What the command line takes of core: it runs on machines that have neither broker nor database. */
const alone: readonly string[] = ['core/tlog/', 'core/witness/', 'core/audit/export/', 'core/json/', 'core/ids/id.ts']

describe('imports', () => {
  test('go apps → core → db, and packages import nothing of ours', () => {
    const wrong: string[] = []
    for (const [file, imports] of graph) {
      const rules = allowed[house(file)]
      for (const imported of imports) {
        if (!rules || !(houses as readonly string[]).includes(house(imported))) continue
        if (!rules.some(rule => imported === rule || imported.startsWith(`${rule}/`))) wrong.push(`${file} → ${imported}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('of a published package stay inside it', () => {
    const wrong = [...graph]
      .filter(([file]) => house(file) === 'packages' && !file.includes('/test/'))
      .flatMap(([file, imports]) => {
        const own = file.split('/').slice(0, 2).join('/')
        return imports.filter(path => house(path) === 'packages' && !path.startsWith(`${own}/`)).map(path => `${file} → ${path}`)
      })
    expect(wrong).toEqual([])
  })

  test('of the command line are its own, the client package, and the arithmetic of the log', () => {
    const wrong = [...graph]
      .filter(([file]) => file.startsWith('apps/cli/'))
      .flatMap(([file, imports]) => imports.map(imported => [file, imported] as const))
      .filter(([, imported]) => (houses as readonly string[]).includes(house(imported)))
      .filter(([, imported]) => !['apps/cli/', 'packages/client/', ...alone].some(folder => imported.startsWith(folder)))
    expect(wrong.map(pair => pair.join(' → '))).toEqual([])
  })

  test('of the arithmetic of the log are nothing else of ours: who verifies offline needs no broker', () => {
    const wrong = [...graph]
      .filter(([file]) => alone.some(folder => file.startsWith(folder)))
      .flatMap(([file, imports]) => imports.map(imported => [file, imported] as const))
      .filter(([, imported]) => (houses as readonly string[]).includes(house(imported)))
      .filter(([, imported]) => !alone.some(folder => imported.startsWith(folder)))
    expect(wrong.map(pair => pair.join(' → '))).toEqual([])
  })

  test('of the console are its own only: what it knows of a broker it knows by HTTP', () => {
    const wrong = [...graph]
      .filter(([file]) => file.startsWith('apps/console/'))
      .flatMap(([file, imports]) => imports.map(imported => [file, imported] as const))
      .filter(([, imported]) => (houses as readonly string[]).includes(house(imported)) && !imported.startsWith('apps/console/'))
    expect(wrong.map(pair => pair.join(' → '))).toEqual([])
  })

  test('of core name no HTTP, no queue and no environment', () => {
    const forbidden = /^(fastify|@fastify\/|undici|bullmq|ioredis|(node:)?(http|https|http2|net|tls|dns|process)$)/
    const wrong = [...graph]
      .filter(([file]) => house(file) === 'core')
      .flatMap(([file, imports]) => imports.filter(name => forbidden.test(name)).map(name => `${file} → ${name}`))
    expect(wrong).toEqual([])
  })

  test('form no cycle, apart from those of types only', () => {
    expect(findCycle()).toBeUndefined()
  })
})

/** Imports that remain when types are stripped. */
function valueImportsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8').replace(/(?:import|export)\s+type\s[^;]*?from\s*['"][^'"]+['"]/g, '')
  const values = new Set(
    [...source.matchAll(/(?:import|export)\s+([^'"]*?)from\s*['"]([^'"]+)['"]/g)]
      .filter(([, names]) => !/^\{(\s*type\s[^,}]+,?)+\s*\}\s*$/.test(names!.trim()))
      .map(([, , specifier]) => specifier!),
  )
  return [...values].flatMap(specifier => {
    if (specifier.startsWith('#')) return [specifier.slice(1)]
    return specifier.startsWith('.') ? [relative(root, resolve(root, dirname(file), specifier))] : []
  })
}

function findCycle(): string[] | undefined {
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file) || !graph.has(file)) return undefined
    for (const next of valueImportsOf(file)) {
      const cycle = visit(next, [...path, file])
      if (cycle) return cycle
    }
    done.add(file)
    return undefined
  }
  for (const file of files) {
    const cycle = visit(file, [])
    if (cycle) return cycle
  }
  return undefined
}

describe('files', () => {
  test(`have at most ${maxLines} lines`, () => {
    const long = files
      .filter(file => !generated.has(file))
      .map(file => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > maxLines)
    expect(long).toEqual([])
  })

  test('lie in folders that say what they hold', () => {
    const drawers = files.filter(file => /(^|\/)(utils?|helpers?|common|shared|types|misc)\//.test(dirname(file).concat('/')))
    expect(drawers).toEqual([])
  })

  test('read the environment in configuration only', () => {
    const readers = files.filter(
      file =>
        ['core', 'db', 'packages'].includes(house(file)) &&
        !file.includes('/test/') &&
        /process\.env/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(readers).toEqual([])
  })

  test('of core read no clock: time is an argument', () => {
    const readers = files
      // The sortable part of an id decides nothing.
      .filter(file => house(file) === 'core' && !file.startsWith('core/time/') && file !== 'core/ids/id.ts')
      .filter(file => /Date\.now\(|new Date\(\)|performance\.now\(/.test(readFileSync(join(root, file), 'utf8')))
    expect(readers).toEqual([])
  })
})
