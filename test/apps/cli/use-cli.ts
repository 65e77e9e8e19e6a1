// `mayfly` in this process: a person with a home of their own, at a broker on real sockets.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Io } from '#apps/cli/io.ts'
import { runCli } from '#apps/cli/run-cli.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** stdout as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  json(): any
}

export interface Person {
  readonly home: string
  /** Runs `mayfly` with these words. */
  mayfly(words: readonly string[], changes?: Partial<Io>): Promise<Ran>
  file(name: string, text: string): string
}

/** A person without terminal, profile or environment. */
export function usePerson(): Person {
  let home = ''
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'mayfly-cli-'))
  })
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  return {
    get home() {
      return home
    },
    mayfly: (words, changes = {}) => run(words, home, changes),
    file(name, text) {
      const path = join(home, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    },
  }
}

/** What a script that works with this broker has in its environment. */
export function environmentOf(broker: BrokerInUse, person: Person, token = broker.running.operatorToken) {
  const ca = person.file('ca.pem', broker.running.ca.certificatePem)
  return { MAYFLY_URL: broker.running.issuer, MAYFLY_CA_FILE: ca, MAYFLY_TOKEN: token }
}

async function run(words: readonly string[], home: string, changes: Partial<Io>): Promise<Ran> {
  const said = { out: '', err: '' }
  const io: Io = {
    env: {},
    cwd: home,
    home,
    terminal: { in: false, out: false, err: false },
    columns: 100,
    signal: new AbortController().signal,
    onSignal: () => () => undefined,
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    nowMs: () => Date.now(),
    readInput: async () => '',
    ask: async question => {
      throw new Error(`nobody answers: ${question}`)
    },
    openUrl: () => undefined,
    ...changes,
  }
  const code = await runCli(words, io)
  return { code, ...said, json: () => JSON.parse(said.out) }
}
