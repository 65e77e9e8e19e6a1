// Proofs of one tree, one after another. Each stands for itself, but neighbours meet on their way up: from where a proof comes upon a
// node of the one before it, with the same steps ahead, the rest has been hashed already and is compared instead.

import { hashBytes } from '#core/tlog/hash.ts'
import { climb, type ProofPlace } from '#core/tlog/proof.ts'

export class InclusionWalk {
  readonly #size: number
  readonly #root: Buffer
  /** Of the last proof that held: the node before each step. */
  #steps: readonly ProofPlace[] = []
  #path: readonly Buffer[] = []

  constructor(size: number, root: Buffer) {
    this.#size = size
    this.#root = root
  }

  /** Whether the leaf stands at that index, as `verifyInclusion` says. RFC 9162 § 2.1.3.2 */
  holds(index: number, leaf: Buffer, path: readonly Buffer[]): boolean {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#size || path.some(hash => hash.length !== hashBytes))
      return false
    const steps: ProofPlace[] = []
    let place: ProofPlace = { at: index, last: this.#size - 1, node: leaf }
    for (const [step, sibling] of path.entries()) {
      if (place.last === 0) return false
      const known = this.#knownFrom(place, path, step)
      if (known !== undefined) return this.#keep([...steps, ...this.#steps.slice(known)], path)
      steps.push(place)
      place = climb(place, sibling)
    }
    return place.last === 0 && this.#root.equals(place.node) && this.#keep(steps, path)
  }

  /** The step of the proof before at which it stood at this node, if all steps from there on are those of this path. */
  #knownFrom({ at, last, node }: ProofPlace, path: readonly Buffer[], step: number): number | undefined {
    const known = this.#steps.findIndex(other => other.at === at && other.last === last)
    if (known < 0 || Buffer.compare(this.#steps[known]!.node, node) !== 0) return undefined
    const isSame = this.#path.length - known === path.length - step
    return isSame && path.slice(step).every((hash, ahead) => hash.equals(this.#path[known + ahead]!)) ? known : undefined
  }

  #keep(steps: readonly ProofPlace[], path: readonly Buffer[]): true {
    this.#steps = steps
    this.#path = path
    return true
  }
}
