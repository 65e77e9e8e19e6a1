// Bodies beside their entries: both come in the order of positions, so they are walked along together.

import { isBodyOf } from './is-body-of.ts'
import type { Findings } from './report.ts'

interface Line {
  readonly position: number
  readonly body: string
}

export class BodyCheck {
  readonly #lines: Iterator<string>
  readonly #findings: Findings
  #next: Line | undefined
  #number = 0
  #last = -1
  checked = 0

  /** lines: of `bodies.ndjson`. */
  constructor(lines: Iterable<string>, findings: Findings) {
    this.#lines = lines[Symbol.iterator]()
    this.#findings = findings
    this.#next = this.#read()
  }

  /** Position of the next body; Infinity when there are no more. */
  get position(): number {
    return this.#next?.position ?? Number.POSITIVE_INFINITY
  }

  /** Checks the next body against its leaf; undefined: no such entry was found. */
  check(leaf: Buffer | undefined): void {
    const { position, body } = this.#next!
    this.checked++
    if (!leaf) this.#findings.add('body', `A body stands for the position ${position}, where there is no entry.`, position)
    else if (!isBodyOf(leaf, body))
      this.#findings.add('body', `The body of entry ${position} is not the one that the entry commits to.`, position)
    this.#next = this.#read()
  }

  /** Passes the next body by. */
  skip(): void {
    this.#next = this.#read()
  }

  #read(): Line | undefined {
    for (;;) {
      const { value, done } = this.#lines.next()
      if (done) return undefined
      this.#number++
      const line = parseLine(value)
      if (line && line.position > this.#last) {
        this.#last = line.position
        return line
      }
      const why = line ? `goes back to position ${line.position}` : 'is no position with a body'
      this.#findings.add('body', `Line ${this.#number} of the bodies ${why}.`, line?.position)
    }
  }
}

function parseLine(text: string): Line | undefined {
  try {
    const { position, body } = JSON.parse(text) as { readonly position?: unknown; readonly body?: unknown }
    return Number.isSafeInteger(position) && (position as number) >= 0 && typeof body === 'string'
      ? { position: position as number, body }
      : undefined
  } catch {
    return undefined
  }
}
