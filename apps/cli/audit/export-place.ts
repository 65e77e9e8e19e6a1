// The folder that an export is written to. Whatever is there under its name is complete; how far the rest has come stands in a file
// beside it. So an export that was stopped goes on, and one that is finished can be brought up to date.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { exportFiles } from '#core/audit/export/manifest.ts'
import { CliError } from '../cli-error.ts'

const stateFile = 'export-state.json'

export interface ExportState {
  readonly origin: string
  /** `ten_…`; left out: the whole log. */
  readonly tenant?: string | undefined
  /** Size of the checkpoint that it leads up to. */
  readonly size: number
  /** Every position before this one is written. */
  readonly next: number
  /** How long the file of lines is up to there, in bytes. */
  readonly bytes: number
}

export class ExportPlace {
  readonly #folder: string
  /** The file of lines that grows: bodies, or a tenant's entries. */
  readonly #lines: string

  /** Makes the folder. Throws a CliError where something else than an export is in it. */
  constructor(folder: string, lines: string) {
    this.#folder = folder
    this.#lines = join(folder, lines)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const isOurs = existsSync(join(folder, stateFile)) || readdirSync(folder).length === 0
    if (!isOurs)
      throw new CliError({
        what: `${folder} is not empty.`,
        why: 'It holds no export of mayfly.',
        next: 'Name a folder that is empty, or not there.',
      })
    // Bodies say what agents did: others on the machine have no business with them.
    chmodSync(folder, 0o700)
  }

  /** What was begun or finished here; undefined: nothing. */
  state(): ExportState | undefined {
    const bytes = this.read(stateFile)
    return bytes && (JSON.parse(bytes.toString('utf8')) as ExportState)
  }

  keepState(state: ExportState): void {
    this.write(stateFile, `${JSON.stringify(state)}\n`)
  }

  has(path: string): boolean {
    return existsSync(join(this.#folder, path))
  }

  read(path: string): Buffer | undefined {
    return this.has(path) ? readFileSync(join(this.#folder, path)) : undefined
  }

  /** All of it or nothing. */
  write(path: string, bytes: string | Uint8Array): void {
    const to = join(this.#folder, path)
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    writeFileSync(`${to}.new`, bytes, { mode: 0o600, flush: true })
    renameSync(`${to}.new`, to)
  }

  remove(path: string): void {
    rmSync(join(this.#folder, path), { recursive: true, force: true })
  }

  /** Cuts what a stopped run wrote behind its last state. */
  cutLines(bytes: number): void {
    if (!existsSync(this.#lines)) writeFileSync(this.#lines, '', { mode: 0o600 })
    if (statSync(this.#lines).size > bytes) truncateSync(this.#lines, bytes)
  }

  /** Returns how long the file is now, in bytes. */
  appendLines(text: string): number {
    appendFileSync(this.#lines, text, { mode: 0o600, flush: true })
    return statSync(this.#lines).size
  }

  /** Puts the checkpoint of a finished export aside; from here on the folder is no finished export. */
  putAside(): void {
    this.remove(exportFiles.manifest)
    const checkpoint = this.read(exportFiles.checkpoint)
    const size = checkpoint?.toString('utf8').split('\n')[1]
    if (checkpoint && size !== undefined && /^\d+$/.test(size)) this.write(`${exportFiles.olderCheckpoints}/${size}`, checkpoint)
  }
}
