// The folder of a witness: its key, and of each log the checkpoint that it has cosigned last. What it has promised is worth as much as
// what it remembers, so a checkpoint is on the disk before it is answered, and one process at a time has the folder: the lock is one
// that the kernel holds (SQLite's, which Node carries with it) and that ends with the process, however that dies.

import { createPrivateKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { open, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { WitnessMemory } from '#core/witness/witness.ts'
import { CliError, systemCode } from '../cli-error.ts'
import { findPrivateFile, writePrivateFile } from '../config/private-file.ts'

/** Proofs that a log forked are few; whoever holds its key must not fill the disk with them. */
const mostForks = 100

export interface WitnessFolder {
  readonly key: KeyObject
  readonly memory: WitnessMemory
  /** Keeps the note of a log that signed two trees of one size. Returns its file; undefined where enough are kept. */
  keepFork(origin: string, note: string): Promise<string | undefined>
  close(): void
}

/** name: of the witness; a folder, and with it its key, belongs to one name. Throws a CliError where another has the folder. */
export function openWitnessFolder(folder: string, name: string): WitnessFolder {
  for (const part of ['logs', 'forks']) makeFolder(join(folder, part))
  const unlock = lock(folder)
  try {
    const key = keyOf(folder, name)
    return {
      key,
      memory: memoryIn(join(folder, 'logs')),
      keepFork: (...fork) => keepFork(join(folder, 'forks'), ...fork),
      close: unlock,
    }
  } catch (error) {
    unlock()
    throw error
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    const why = `The system says ${systemCode(error) ?? 'no'}.`
    throw new CliError({ what: `${path} cannot be made.`, why, next: 'Choose a folder that you may write to: --state DIR' })
  }
}

function lock(folder: string): () => void {
  const file = join(folder, 'lock')
  closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    database.close()
    throw new CliError({
      what: `A witness already runs on ${folder}.`,
      why: 'Two of them would not know what the other has cosigned.',
      next: 'Use the running one, stop it, or give this one a folder of its own.',
    })
  }
  return () => database.close()
}

/** A cosignature does not say its maker's name, so a key serves one witness. */
function keyOf(folder: string, name: string): KeyObject {
  const [nameFile, keyFile] = [join(folder, 'name'), join(folder, 'key.pem')]
  const known = findPrivateFile(nameFile)?.trim()
  if (known !== undefined && known !== name) {
    throw new CliError({
      what: `${folder} belongs to the witness ${known}.`,
      why: 'A key of a witness belongs to one name.',
      next: `Say --name ${known}, or give this one a folder of its own.`,
    })
  }
  const pem = findPrivateFile(keyFile)
  if (pem !== undefined) return readKey(keyFile, pem)
  if (known !== undefined)
    throw new CliError({
      what: `${keyFile} is missing.`,
      why: 'Logs know this witness by that key.',
      next: 'Bring it back from a copy.',
    })
  const { privateKey } = generateKeyPairSync('ed25519')
  // The key first: a name without one is a key that was lost.
  writePrivateFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  writePrivateFile(nameFile, `${name}\n`)
  return privateKey
}

function readKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {}
  throw new CliError({ what: `${file} holds no Ed25519 key.`, next: 'Bring it back from a copy.' })
}

/** An origin may be any text: its file is called by its hash. */
const fileOf = (folder: string, origin: string): string => join(folder, hash('sha256', origin, 'hex'))

const memoryIn = (folder: string): WitnessMemory => ({
  async read(origin) {
    try {
      return await readFile(fileOf(folder, origin), 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  },
  write: (origin, note) => writeDurably(fileOf(folder, origin), note),
})

/** Whole or not at all, and on the disk when it resolves. One writer at a time. */
async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function keepFork(folder: string, origin: string, note: string): Promise<string | undefined> {
  const file = `${fileOf(folder, origin).slice(0, -48)}-${hash('sha256', note, 'hex').slice(0, 16)}.note`
  const kept = (await readdir(folder)).map(name => join(folder, name))
  if (kept.includes(file)) return file
  if (kept.length >= mostForks) return undefined
  await writeDurably(file, note)
  return file
}
