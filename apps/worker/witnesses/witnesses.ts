// The witnesses of our log. Each is asked for every checkpoint, all at once and for a bounded time: who is away costs nobody more than
// that, and then is asked less and less often. How far each has come is learnt from itself, so nothing has to be kept here.

import { Agent } from 'undici'
import { formatVerifierKey, parseNote } from '#core/tlog/note.ts'
import type { AddCheckpoint } from '#core/witness/add-checkpoint.ts'
import type { Cosign, CosignRequest, WitnessState } from '../sealer/cosign.ts'
import type { WitnessSettings } from '../sealer/settings.ts'
import { askWitness, type WitnessReply } from './ask-witness.ts'

/** What is known of a witness. */
export interface WitnessReport extends WitnessState {
  /** Its key, as c2sp.org/signed-note writes it. */
  readonly vkey: string
}

export interface Witnesses {
  /** Lines of those who cosigned within the bound. */
  readonly cosign: Cosign
  report(): WitnessReport[]
  close(): Promise<void>
}

export interface WitnessesOptions {
  /** How long a checkpoint waits for its witnesses; 1 s where left out. */
  readonly withinMs?: number
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number
  /** Told when a witness begins to fail in another way, and with undefined when it is back. refused: it will not vouch for this history. */
  readonly onFault: (name: string, fault: string | undefined, refused: boolean) => void
}

/** How long one request may go on, though nobody waits for it any more. */
const requestMs = 10_000
const longestPauseMs = 60_000
const answerBytesMax = 64 * 1024

export function createWitnesses(addresses: readonly WitnessSettings[], options: WitnessesOptions): Witnesses {
  const { withinMs = 1_000 } = options
  const agent = new Agent({
    connections: 1,
    maxResponseSize: answerBytesMax,
    connectTimeout: 5_000,
    headersTimeout: requestMs,
    bodyTimeout: requestMs,
  })
  const stop = new AbortController()
  const witnesses = addresses.map(address => new OneWitness(address, { ...options, agent, stop: stop.signal }))
  const report = (): WitnessReport[] => witnesses.map(witness => witness.report())
  return {
    async cosign(request) {
      const late = Promise.withResolvers<undefined>()
      const timer = setTimeout(late.resolve, withinMs, undefined)
      try {
        const asked = witnesses.filter(({ keyId }) => !request.without?.includes(keyId))
        const lines = await Promise.all(asked.map(witness => Promise.race([witness.cosign(request), late.promise])))
        return { lines: lines.filter(line => line !== undefined), witnesses: report() }
      } finally {
        clearTimeout(timer)
      }
    },
    report,
    async close() {
      stop.abort()
      await agent.destroy()
    },
  }
}

interface Surroundings extends WitnessesOptions {
  readonly agent: Agent
  readonly stop: AbortSignal
}

class OneWitness {
  readonly #address: WitnessSettings
  readonly #around: Surroundings
  #size = 0
  #fault: string | undefined
  #failures = 0
  #notBeforeMs = 0
  #busy = false

  constructor(address: WitnessSettings, around: Surroundings) {
    this.#address = address
    this.#around = around
  }

  get keyId(): string {
    return this.#address.verifierKey.keyId
  }

  report(): WitnessReport {
    const { verifierKey } = this.#address
    const { name } = verifierKey
    return {
      name,
      vkey: formatVerifierKey(verifierKey),
      size: this.#size,
      ...(this.#fault !== undefined && { fault: this.#fault }),
    }
  }

  /** Undefined where it did not cosign, is still being asked for an earlier one, or rests after a failure. Never rejects. */
  async cosign(request: CosignRequest): Promise<string | undefined> {
    if (this.#busy || this.#now() < this.#notBeforeMs) return undefined
    this.#busy = true
    try {
      const reply = await this.#ask(request)
      if (reply.outcome === 'cosigned') return this.#worked(reply.line)
      this.#failed(
        reply.outcome === 'size' ? `it has cosigned a longer log, of ${reply.size} entries` : `it refuses: ${reply.why}`,
        true,
      )
    } catch (error) {
      if (!this.#around.stop.aborted) this.#failed(describe(error), false)
    } finally {
      this.#busy = false
    }
    return undefined
  }

  /** Once more where it has come to another size than was thought, unless that is beyond ours. */
  async #ask({ checkpoint: { size }, note, prove }: CosignRequest): Promise<WitnessReply> {
    const { text } = parseNote(note)
    const signal = AbortSignal.any([this.#around.stop, AbortSignal.timeout(requestMs)])
    const call = { ...this.#address, text, agent: this.#around.agent, signal }
    const from = async (oldSize: number): Promise<AddCheckpoint> => ({ oldSize, proof: await prove(oldSize), checkpoint: note })
    const first = await askWitness(call, await from(this.#size <= size ? this.#size : 0))
    const reply = first.outcome === 'size' && first.size <= size ? await askWitness(call, await from(first.size)) : first
    if (reply.outcome === 'size') this.#size = reply.size
    if (reply.outcome === 'cosigned') this.#size = size
    return reply
  }

  #worked(line: string): string {
    this.#failures = 0
    this.#notBeforeMs = 0
    this.#tell(undefined, false)
    return line
  }

  #failed(fault: string, refused: boolean): void {
    this.#notBeforeMs = this.#now() + Math.min(longestPauseMs, 1_000 * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 10)
    this.#tell(fault, refused)
  }

  #tell(fault: string | undefined, refused: boolean): void {
    if (fault === this.#fault) return
    this.#fault = fault
    this.#around.onFault(this.#address.verifierKey.name, fault, refused)
  }

  #now(): number {
    return (this.#around.nowMs ?? (() => performance.now()))()
  }
}

function describe(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  return code === undefined || code === 'ABORT_ERR' ? (message ?? 'it failed') : `it cannot be reached (${code})`
}
