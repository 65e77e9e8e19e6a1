// Bodies beside their entries: both come in the order of positions, so they are walked along together.

import { BodyLines } from './body-lines.ts'
import { BodyJudge } from './is-body-of.ts'
import type { Findings } from './report.ts'

export class BodyCheck {
  readonly #lines: BodyLines
  readonly #findings: Findings
  readonly #judge = new BodyJudge()
  /** Position of the next body; Infinity when there are no more. */
  position = -1
  checked = 0

  /** blocks: of `bodies.ndjson`. */
  constructor(blocks: Iterable<Buffer>, findings: Findings) {
    this.#lines = new BodyLines(blocks)
    this.#findings = findings
    this.skip()
  }

  /** Checks the next body against its leaf, the bytes [start, end) of a bundle. */
  check(bundle: Buffer, start: number, end: number): void {
    this.checked++
    if (!this.#judge.isBodyOf(bundle, start, end, this.#lines))
      this.#findings.add('body', `The body of entry ${this.position} is not the one that the entry commits to.`, this.position)
    this.skip()
  }

  /** There is no entry at the next body's position. */
  tellEntryMissing(): void {
    this.checked++
    this.#findings.add('body', `A body stands for the position ${this.position}, where there is no entry.`, this.position)
    this.skip()
  }

  /** Passes the next body by. */
  skip(): void {
    const lines = this.#lines
    while (lines.next()) {
      if (lines.position > this.position) {
        this.position = lines.position
        return
      }
      const isBody = lines.position >= 0
      const why = isBody ? `goes back to position ${lines.position}` : 'is no position with a body'
      this.#findings.add('body', `Line ${lines.number} of the bodies ${why}.`, isBody ? lines.position : undefined)
    }
    this.position = Number.POSITIVE_INFINITY
  }
}
