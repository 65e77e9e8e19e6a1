// `.mayfly/dev.json`, which `npm start` writes: the development broker of the project that we stand in.

import { statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Io } from '../io.ts'
import { findPrivateFile } from './private-file.ts'

/** The members that are used here. */
export interface DevFile {
  readonly path: string
  readonly issuer: string
  readonly publicUrl: string
  readonly caFile: string
  readonly operatorToken: string
  readonly agent: { readonly certFile: string; readonly keyFile: string; readonly subjectTokenCommand: string }
  readonly resource: string
}

/**
 * Looks in `MAYFLY_STATE_DIR`, else in this folder and those above it. As it names a command that `mayfly token` runs, a file is
 * only taken that is this user's own, that nobody else may read, and that speaks of this machine: so none from a strange archive.
 */
export function findDevFile(io: Io): DevFile | undefined {
  const stateDir = io.env['MAYFLY_STATE_DIR']
  const folders = stateDir
    ? [isAbsolute(stateDir) ? stateDir : join(io.cwd, stateDir)]
    : upwards(io.cwd).map(at => join(at, '.mayfly'))
  const path = folders.map(folder => join(folder, 'dev.json')).find(isOwn)
  const text = path && findPrivateFile(path)
  if (!text) return undefined
  const value = parse(text)
  return value && isLoopback(value.publicUrl) && isLoopback(value.issuer) ? { ...value, path } : undefined
}

function upwards(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...upwards(parent)]
}

function isOwn(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() === true && found.uid === process.getuid?.()
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' && (hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname))
}

function parse(text: string): Omit<DevFile, 'path'> | undefined {
  try {
    const value = JSON.parse(text)
    const texts = [value.issuer, value.publicUrl, value.caFile, value.operatorToken, value.resource, value.agent?.certFile]
    return texts.every(each => typeof each === 'string') ? value : undefined
  } catch {
    return undefined
  }
}
