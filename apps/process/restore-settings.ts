// What broker and worker are told about backups that were restored (docs/how-to/restore.md).

import { type LedgerSettings, readLedgerSettings } from './erasure-ledger.ts'
import type { Environment } from './read-secret.ts'

export interface RestoreSettings extends LedgerSettings {
  /** Folder in which the sealer keeps its last checkpoint; undefined: this process cannot notice by itself. */
  readonly logState?: string | undefined
  /** What follows when it notices: by itself what `node deploy/restore.ts begin` does, or nothing but to refuse to start. */
  readonly onRestore?: 'begin' | 'refuse' | undefined
}

/** Reads `MAYFLY_LOG_STATE`, `MAYFLY_ON_RESTORE` and `MAYFLY_ERASURE_LEDGER`. */
export function readRestoreSettings(env: Environment, problems: string[]): RestoreSettings {
  const ledger = readLedgerSettings(env, problems)
  const onRestore = env['MAYFLY_ON_RESTORE'] || 'begin'
  if (onRestore !== 'begin' && onRestore !== 'refuse') {
    problems.push('MAYFLY_ON_RESTORE must be begin or refuse.')
    return ledger
  }
  return { ...ledger, logState: env['MAYFLY_LOG_STATE'] || undefined, onRestore }
}
