import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'

/** What the stand-in for npm does: installs, fails with what npm said, or waits for a file before it goes on. */
export type NpmStandIn = { say?: string; code?: number; waitFor?: string }

export type Outcome = { code: number | null; stdout: string; stderr: string }

// The stand-in notes its arguments; `ci` lays down a "vitest" that prints what it was given.
const NPM = `#!/usr/bin/env node
const fs = require('node:fs')
const path = require('node:path')
fs.appendFileSync(path.join(__dirname, 'calls'), process.argv.slice(2).join(' ') + '\\n')
fs.writeFileSync(path.join(__dirname, 'ran-on'), process.execPath)
const plan = JSON.parse(fs.readFileSync(path.join(__dirname, 'plan.json'), 'utf8'))
if (plan.say) console.error(plan.say)
if (plan.code) process.exit(plan.code)
const go = () => {
  if (plan.waitFor && !fs.existsSync(plan.waitFor)) return setTimeout(go, 10)
  const root = process.cwd()
  fs.mkdirSync(path.join(root, 'node_modules', 'vitest'), { recursive: true })
  fs.writeFileSync(path.join(root, 'node_modules', 'vitest', 'vitest.mjs'), fs.readFileSync(path.join(__dirname, 'command.mjs')))
}
go()
`

const COMMAND = `
import { execFileSync } from 'node:child_process'
const asked = process.argv.slice(3)
if (asked[0] === 'exit') process.exit(Number(asked[1]))
console.log(JSON.stringify({ asked, cwd: process.cwd(), sameNode: execFileSync('node', ['-p', 'process.execPath'], { encoding: 'utf8' }).trim() === process.execPath }))
`

/** A project with nothing but the launcher and a lockfile, and an npm that only pretends. */
export class Fixture {
  readonly root = mkdtempSync(join(tmpdir(), 'mayfly-launcher-'))
  private readonly npmDir = join(this.root, 'fake-npm')

  constructor() {
    cpSync(resolve('deploy/launcher'), join(this.root, 'deploy', 'launcher'), { recursive: true })
    writeFileSync(join(this.root, 'package.json'), '{"type":"module"}')
    this.lock('one')
    mkdirSync(this.npmDir)
    writeFileSync(join(this.npmDir, 'npm'), NPM)
    writeFileSync(join(this.npmDir, 'package.json'), '{"type":"commonjs"}')
    chmodSync(join(this.npmDir, 'npm'), 0o755)
    writeFileSync(join(this.npmDir, 'command.mjs'), COMMAND)
    this.npm({})
  }

  lock(name: string): void {
    writeFileSync(
      join(this.root, 'package-lock.json'),
      JSON.stringify({ name, packages: { 'node_modules/vitest': { version: '1.0.0' } } }),
    )
  }

  npm(plan: NpmStandIn): void {
    writeFileSync(join(this.npmDir, 'plan.json'), JSON.stringify(plan))
  }

  /** How npm was called, one line each. */
  calls(): string[] {
    const path = join(this.npmDir, 'calls')
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  spawn(args: string[], env: Record<string, string> = {}): ChildProcess {
    const { npm_execpath: _, npm_config_json: __, ...rest } = process.env
    const PATH = [this.npmDir, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter)
    return spawn(process.execPath, [this.path('deploy/launcher/launch.js'), ...args], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...rest, PATH, ...env },
    })
  }

  launch(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    return outcomeOf(this.spawn(args, env))
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('close', code => done({ code, stdout, stderr }))
  })
}
