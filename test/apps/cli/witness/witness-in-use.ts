// Witnesses for tests: `mayfly witness` in this process, on a port of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from '#apps/cli/io.ts'
import { runCli } from '#apps/cli/run-cli.ts'
import { parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'

export interface RunningWitness {
  readonly url: string
  readonly vkey: string
  readonly key: VerifierKey
  readonly state: string
  /** What it has told on stderr so far. */
  told(): string
  /** Ends it; resolves with its exit code. */
  stop(): Promise<number>
  /** Ends it, and takes its folder away. */
  close(): Promise<void>
}

/** logs: vkeys. state: the folder of an earlier one, else a new one. */
export async function startWitness(options: {
  readonly name: string
  readonly logs: readonly string[]
  readonly state?: string
  readonly more?: readonly string[]
}): Promise<RunningWitness> {
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'mayfly-witness-'))
  const stop = new AbortController()
  const said = { err: '' }
  const started = Promise.withResolvers<{ vkey: string; url: string }>()
  const io: Partial<Io> = {
    signal: stop.signal,
    out: text => started.resolve(JSON.parse(text)),
    err: text => {
      said.err += text
    },
  }
  const words = ['witness', '--json', '--name', options.name, '--state', state, '--listen', '127.0.0.1:0']
  const ended = runCli([...words, ...options.logs.flatMap(log => ['--log', log]), ...(options.more ?? [])], quietIo(state, io))
  const { url, vkey } = await Promise.race([
    started.promise,
    ended.then(code => {
      throw new Error(`the witness ended with ${code}: ${said.err}`)
    }),
  ])
  const end = async (): Promise<number> => {
    stop.abort()
    return await ended
  }
  return {
    url,
    vkey,
    key: parseVerifierKey(vkey),
    state,
    told: () => said.err,
    stop: end,
    async close() {
      await end()
      rmSync(state, { recursive: true, force: true })
    },
  }
}

function quietIo(home: string, changes: Partial<Io>): Io {
  return {
    env: {},
    cwd: home,
    home,
    terminal: { in: false, out: false, err: false },
    columns: 100,
    signal: new AbortController().signal,
    onSignal: () => () => undefined,
    out: () => undefined,
    err: () => undefined,
    nowMs: () => Date.now(),
    readInput: async () => '',
    ask: async () => '',
    openUrl: () => undefined,
    ...changes,
  }
}
