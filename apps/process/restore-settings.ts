// What broker and worker are told about backups that were restored (docs/how-to/restore.md).

import type { Environment } from './read-secret.ts'

export interface RestoreSettings {
  /** Folder in which the sealer keeps its last checkpoint; undefined: this process cannot notice by itself. */
  readonly logState?: string | undefined
  /** What follows when it notices: by itself what `mayfly-restore begin` does, or nothing but to refuse to start. */
  readonly onRestore?: 'begin' | 'refuse' | undefined
}

/** Reads `MAYFLY_LOG_STATE` and `MAYFLY_ON_RESTORE`. */
export function readRestoreSettings(env: Environment, problems: string[]): RestoreSettings {
  const onRestore = env['MAYFLY_ON_RESTORE'] || 'begin'
  if (onRestore !== 'begin' && onRestore !== 'refuse') {
    problems.push('MAYFLY_ON_RESTORE must be begin or refuse.')
    return {}
  }
  return { logState: env['MAYFLY_LOG_STATE'] || undefined, onRestore }
}
