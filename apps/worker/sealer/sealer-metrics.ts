import { Counter, Gauge, type Registry } from 'prom-client'
import type { SealState } from '#db/log/seal.ts'
import type { SealFaultCode } from './seal-fault.ts'

export interface SealerMetrics {
  leads(isLeader: boolean): void
  sealed(entries: number, size: number): void
  /** undefined: it does not refuse. */
  refuses(code: SealFaultCode | undefined): void
}

const codes: readonly SealFaultCode[] = ['short', 'forked', 'edited', 'gap', 'key']

/** readState: asked when the numbers are; a database that does not answer leaves them out. */
export function createSealerMetrics(registry: Registry, readState: () => Promise<SealState | undefined>): SealerMetrics {
  const registers = [registry]
  const entries = new Counter({ name: 'mayfly_log_sealed_total', help: 'Entries that this process sealed.', registers })
  const sealedSize = new Gauge({
    name: 'mayfly_log_sealed_size',
    help: 'Entries under the last checkpoint of this process.',
    registers,
  })
  const leader = new Gauge({ name: 'mayfly_log_sealer_leads', help: '1 where this process is the one that seals.', registers })
  const refused = new Gauge({
    name: 'mayfly_log_seal_refused',
    help: 'Alarm on 1: the log does not go on from what was signed, so nothing is signed. The label says how.',
    labelNames: ['fault'],
    registers,
  })
  new Gauge({
    name: 'mayfly_log_seal_lag_seconds',
    help: 'How long the oldest entry that is not sealed has been in the log. Beyond 600 brokers issue no tokens.',
    registers,
    async collect() {
      const state = await readState().catch(() => undefined)
      this.reset()
      if (state) this.set(state.lagMs / 1_000)
    },
  })
  return {
    leads: isLeader => leader.set(isLeader ? 1 : 0),
    sealed(count, size) {
      entries.inc(count)
      sealedSize.set(size)
    },
    refuses(code) {
      for (const fault of codes) refused.set({ fault }, fault === code ? 1 : 0)
    },
  }
}
