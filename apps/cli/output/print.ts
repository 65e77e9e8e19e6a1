// What commands say. Results go to stdout and nothing else does; notes, progress and questions go to stderr. With --json a
// result is one JSON document.

import { stringify } from 'yaml'
import { type CliError, cleanFailure } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { createPaint, type Paint } from './paint.ts'
import { alignedLines, type Table, tabSeparatedLines } from './table.ts'
import { safeJson, visible } from './visible.ts'

export class Print {
  readonly #io: Io
  readonly json: boolean
  /** For stdout. */
  readonly paint: Paint
  readonly paintNotes: Paint

  constructor(io: Io, json: boolean) {
    this.#io = io
    this.json = json
    this.paint = createPaint(io.env, io.terminal.out)
    this.paintNotes = createPaint(io.env, io.terminal.err)
  }

  /** A result: as JSON with --json, else as the text. */
  result(value: unknown, text: () => string): void {
    this.#io.out(`${this.json ? safeJson(value, 2) : text()}\n`)
  }

  /** A thing with its members: YAML for people, so that it can be edited and sent back with `-f`. */
  thing(value: unknown): void {
    this.result(value, () => visible(stringify(value, { lineWidth: 0 })).trimEnd())
  }

  /** One line of newline-delimited JSON. */
  jsonLine(value: unknown): void {
    this.#io.out(`${safeJson(value, 0)}\n`)
  }

  /** A list: aligned on a terminal, tab-separated elsewhere. */
  table(table: Table): void {
    const { terminal, columns } = this.#io
    const [head = '', ...rows] = terminal.out ? alignedLines(table, columns) : tabSeparatedLines(table)
    this.#io.out(`${[this.paint.bold(head), ...rows].join('\n')}\n`)
  }

  /** Something worth knowing that is no result. */
  note(text: string): void {
    this.#io.err(`${visible(text)}\n`)
  }

  /** Why it ended. With --json as a JSON document, on stderr as well. */
  failure(error: CliError): void {
    const failure = cleanFailure(error.failure)
    if (this.json) {
      this.#io.err(`${safeJson({ error: failure }, 2)}\n`)
      return
    }
    const { what, why, next } = failure
    const indented = (text: string): string => text.replaceAll('\n', '\n    ')
    this.#io.err(`${this.paintNotes.red('✖')} ${what}\n`)
    if (why) this.#io.err(`  Why: ${indented(why)}\n`)
    if (next) this.#io.err(`  What to do: ${indented(next)}\n`)
  }

  /** Runs the work; says what it is about once it takes more than a second. */
  async progress<T>(title: string, work: () => Promise<T>): Promise<T> {
    const { err, terminal } = this.#io
    const startedMs = performance.now()
    const seconds = () => Math.round((performance.now() - startedMs) / 1000)
    let shown = false
    const timer = setInterval(() => {
      if (terminal.err) err(`\r\u001b[K${this.paintNotes.dim(`${title} … ${seconds()} s`)}`)
      else if (!shown || seconds() % 15 === 0) err(`${title} …\n`)
      shown = true
    }, 1000)
    try {
      return await work()
    } finally {
      clearInterval(timer)
      if (shown && terminal.err) err('\r\u001b[K')
    }
  }
}
