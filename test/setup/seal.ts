// A sealer for tests: rounds when the test says so, tiles in a folder that a broker reads as well.

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { openTileStore } from '#apps/process/tiles/open-tile-store.ts'
import type { Cosign } from '#apps/worker/sealer/cosign.ts'
import { LogSealer, type SealRound } from '#apps/worker/sealer/seal-log.ts'
import { createNoteSigner, parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'
import { reportSealer } from '#db/log/seal.ts'

export interface TestSealer {
  /** For `MAYFLY_LOG_TILES`. */
  readonly folder: string
  /** Seals what there is now. sql: of the runtime role. */
  seal(sql: Sql): Promise<SealRound & { readonly key: VerifierKey }>
  /** The log goes on under a new key; the earlier ones sign beside it, unless they ended. */
  rotate(change: 'begin' | 'finish'): void
  close(): void
}

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

/** host: of the broker's public URL. privateKey: of the log; a new one where it is left out. */
export function createTestSealer(host: string, cosign?: Cosign, privateKey: KeyObject = newKey()): TestSealer {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-seal-'))
  const folder = join(root, 'tiles')
  let keys = [privateKey]
  const signers = (origin: string) => keys.map(key => createNoteSigner(origin, key))
  const tiles = openTileStore({ folder })
  let sealer: LogSealer | undefined
  return {
    folder,
    async seal(sql) {
      sealer ??= new LogSealer({ sql, tiles, stateDir: join(root, 'state'), host, signers, ...(cosign && { cosign }) })
      const round = await sealer.round()
      const { shard, origin, verifierKey, witnesses = [] } = round
      await reportSealer(sql, { shard, origin, verifierKey, witnesses, fault: undefined })
      return { ...round, key: parseVerifierKey(verifierKey) }
    },
    rotate(change) {
      keys = change === 'begin' ? [newKey(), ...keys] : keys.slice(0, 1)
      sealer = undefined
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
