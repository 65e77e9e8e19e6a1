// What the provider leaves in the state folder: `<state>/idp/idp.json`, 0600, with its issuer and private keys, so that its
// tokens stay valid over a restart and `print-workload-token.ts` can mint one while the provider itself is busy or away.

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateIdpKeys, type IdpKeys } from './idp-keys.ts'

export interface IdpState {
  /** The issuer under which the provider last listened; undefined before it first did. */
  issuer?: string
  keys: IdpKeys
}

export const idpStateFile = (stateDir: string): string => join(stateDir, 'idp', 'idp.json')

/** Reads the state. Throws an Error that says what to do when there is none. */
export async function readIdpState(stateDir: string): Promise<IdpState> {
  const state = await findIdpState(stateDir)
  if (!state) throw new Error(`There is no development identity provider in ${stateDir}. Start Mayfly once with npm start.`)
  return state
}

/** The keys of the state folder, generated and stored on the first call. */
export async function loadOrCreateIdpKeys(stateDir: string): Promise<IdpKeys> {
  const state = await findIdpState(stateDir)
  if (state) return state.keys
  const keys = await generateIdpKeys()
  await write(stateDir, { keys })
  return keys
}

/** Notes the issuer beside the keys; to be called when the provider listens. */
export async function saveIdpIssuer(stateDir: string, issuer: string): Promise<void> {
  const state = await readIdpState(stateDir)
  if (state.issuer !== issuer) await write(stateDir, { ...state, issuer })
}

async function findIdpState(stateDir: string): Promise<IdpState | undefined> {
  let text: string
  try {
    text = await readFile(idpStateFile(stateDir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return JSON.parse(text) as IdpState
}

async function write(stateDir: string, state: IdpState): Promise<void> {
  const file = idpStateFile(stateDir)
  await mkdir(join(stateDir, 'idp'), { recursive: true, mode: 0o700 })
  const temporary = `${file}.${randomBytes(4).toString('hex')}` // renamed, so that a kill leaves the old state whole
  await writeFile(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  await rename(temporary, file)
}
