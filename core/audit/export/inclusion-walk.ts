// Proofs of one tree, one after another. Each stands for itself, but neighbours meet on their way up: from where a proof comes upon a
// node of the one before it, with the same steps ahead, the rest has been hashed already and is compared instead.

import { hashBytes, nodeHash } from '#core/tlog/hash.ts'

interface Step {
  /** Place of the node among those of its level, and the last place there: together they name it. */
  readonly at: number
  readonly last: number
  readonly node: Buffer
}

export class InclusionWalk {
  readonly #size: number
  readonly #root: Buffer
  /** Of the last proof that held: the node before each step. */
  #steps: readonly Step[] = []
  #path: readonly Buffer[] = []

  constructor(size: number, root: Buffer) {
    this.#size = size
    this.#root = root
  }

  /** Whether the leaf stands at that index, as `verifyInclusion` says. RFC 9162 § 2.1.3.2 */
  holds(index: number, leaf: Buffer, path: readonly Buffer[]): boolean {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#size || path.some(hash => hash.length !== hashBytes))
      return false
    const steps: Step[] = []
    let [at, last, node] = [index, this.#size - 1, leaf]
    for (const [step, sibling] of path.entries()) {
      if (last === 0) return false
      const known = this.#knownFrom({ at, last, node }, path, step)
      if (known !== undefined) return this.#keep([...steps, ...this.#steps.slice(known)], path)
      steps.push({ at, last, node })
      if (at % 2 === 1 || at === last) {
        node = nodeHash(sibling, node)
        while (at % 2 === 0 && at !== 0) {
          at /= 2
          last = Math.floor(last / 2)
        }
      } else node = nodeHash(node, sibling)
      at = Math.floor(at / 2)
      last = Math.floor(last / 2)
    }
    return last === 0 && node.equals(this.#root) && this.#keep(steps, path)
  }

  /** The step of the proof before at which it stood at this node, if all steps from there on are those of this path. */
  #knownFrom({ at, last, node }: Step, path: readonly Buffer[], step: number): number | undefined {
    const known = this.#steps.findIndex(other => other.at === at && other.last === last)
    if (known < 0 || !this.#steps[known]!.node.equals(node)) return undefined
    const isSame = this.#path.length - known === path.length - step
    return isSame && path.slice(step).every((hash, ahead) => hash.equals(this.#path[known + ahead]!)) ? known : undefined
  }

  #keep(steps: readonly Step[], path: readonly Buffer[]): true {
    this.#steps = steps
    this.#path = path
    return true
  }
}
