// What the sealer is told from outside. Without a key there is no sealer.

import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Environment, findSecret } from '#apps/process/read-secret.ts'
import { readTileStoreSettings, type TileStoreSettings } from '#apps/process/tiles/open-tile-store.ts'
import { splitLogKeys } from '#core/tlog/log-keys.ts'
import { parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'

export interface WitnessSettings {
  readonly verifierKey: VerifierKey
  /** Its submission prefix: `<url>/add-checkpoint` is asked. */
  readonly url: string
}

export interface SealerSettings {
  readonly tiles: TileStoreSettings
  /** Ed25519; of the log alone, never token keys. The first is the log's, others are earlier ones that still sign beside it; at least one. */
  readonly keys: readonly KeyObject[]
  /** Folder of the last checkpoint, outside database and tiles. */
  readonly stateDir: string
  /** Host, with a port if there is one, of the broker's public URL: the log's name begins with it. */
  readonly host: string
  readonly witnesses: readonly WitnessSettings[]
}

/** Undefined when no key is given: then nothing is sealed. What is wrong is added to `problems`. */
export function readSealerSettings(env: Environment, problems: string[]): SealerSettings | undefined {
  const pem = findSecret(env, 'MAYFLY_LOG_KEY', problems)
  const tiles = readTileStoreSettings(env, problems)
  if (!pem) {
    if (tiles && !env['MAYFLY_LOG_KEY_FILE'])
      problems.push('MAYFLY_LOG_TILES is set, but MAYFLY_LOG_KEY_FILE is not: it names a file with an Ed25519 key (PEM).')
    return undefined
  }
  const keys = readKeys(pem, problems)
  const stateDir = env['MAYFLY_LOG_STATE']
  if (!tiles) problems.push('MAYFLY_LOG_TILES is missing: a folder, or s3://bucket/prefix, for the tiles of the log.')
  if (!stateDir) problems.push('MAYFLY_LOG_STATE is missing: a folder for the last checkpoint, outside database and tiles.')
  const publicUrl = env['MAYFLY_PUBLIC_URL'] ?? ''
  if (!URL.canParse(publicUrl)) problems.push('MAYFLY_PUBLIC_URL is missing: the broker’s URL, after which the log is called.')
  const witnesses = readWitnesses(env, problems)
  if (!keys || !tiles || !stateDir || !URL.canParse(publicUrl)) return undefined
  return { tiles, keys, stateDir, host: new URL(publicUrl).host, witnesses }
}

/** Every block of the PEM. */
function readKeys(pem: string, problems: string[]): KeyObject[] | undefined {
  try {
    const keys = splitLogKeys(pem).map(block => createPrivateKey(block))
    if (keys.length > 0 && keys.every(({ asymmetricKeyType }) => asymmetricKeyType === 'ed25519')) return keys
  } catch {
    // What is wrong with it is nobody's business but its holder's.
  }
  problems.push('MAYFLY_LOG_KEY must be Ed25519 private keys in PEM, one or more: openssl genpkey -algorithm ed25519.')
  return undefined
}

/** `MAYFLY_LOG_WITNESSES`: `[{"vkey": "name+hex+base64", "url": "https://…"}]`, or a file that holds it. What is wrong is added to `problems`. */
export function readWitnesses(env: Environment, problems: string[]): WitnessSettings[] {
  const value = env['MAYFLY_LOG_WITNESSES']
  if (!value) return []
  try {
    const text = value.trimStart().startsWith('[') ? value : readFileSync(value, 'utf8')
    const list = JSON.parse(text) as readonly { readonly vkey: string; readonly url: string }[]
    return list.map(({ vkey, url }) => ({ verifierKey: parseVerifierKey(vkey), url: new URL(url).href.replace(/\/+$/, '') }))
  } catch (error) {
    problems.push(
      `MAYFLY_LOG_WITNESSES must be [{"vkey": "…", "url": "https://…"}], or a file with that (${(error as Error).message}).`,
    )
    return []
  }
}
