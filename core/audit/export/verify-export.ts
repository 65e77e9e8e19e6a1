// Verifies an export with nothing but its own files and what the verifier brings: no broker, no database, no network.

import { parseId } from '#core/ids/id.ts'
import { type Checkpoint, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { followHandovers } from '#core/tlog/handover.ts'
import { formatVerifierKey, noteSignatureTypes, type OpenedNote, openNote, type VerifierKey } from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { BodyCheck } from './body-check.ts'
import { TokenCheck } from './check-tokens.ts'
import type { ExportFiles } from './export-files.ts'
import { judgePass } from './judge-pass.ts'
import { LogPass, type Mark } from './log-pass.ts'
import {
  ExportError,
  type ExportKeys,
  exportFiles,
  type Manifest,
  parseKeys,
  parseManifest,
  readVerifierKeys,
} from './manifest.ts'
import { Findings, type Report } from './report.ts'
import { verifyTenant } from './verify-tenant.ts'

export interface VerifyOptions {
  /** Another place to read hash tiles from; left out: the export. */
  readonly tiles?: ExportFiles | undefined
  /** Verifier keys of the log that the verifier trusts, and with them those that they handed it over to; empty: those of the export. */
  readonly logKeys: readonly string[]
  /** Verifier keys of witnesses, beside those of the export. */
  readonly witnessKeys: readonly string[]
  /** Note of an older checkpoint that this history must go on from. */
  readonly from?: string | undefined
  /** Compact JWS. */
  readonly tokens: readonly string[]
}

interface Opened {
  readonly files: ExportFiles
  readonly manifest: Manifest
  readonly keys: ExportKeys
  readonly logKeys: readonly VerifierKey[]
  readonly note: OpenedNote
  readonly checkpoint: Checkpoint
  readonly findings: Findings
}

/** Yields the position it has come to. Throws ExportError when there is nothing that could be verified. */
export function* verifyExport(files: ExportFiles, options: VerifyOptions): Generator<number, Report> {
  const opened = open(files, options)
  const { manifest, checkpoint, note, findings, keys } = opened
  const tokens = new TokenCheck(options.tokens, keys.issuers)
  const work = manifest.tenant === undefined ? verifyWhole(opened, options, tokens) : verifyOwn(opened, options, tokens)
  const done = yield* work
  const results = tokens.results()
  for (const { number, tokenId, fault, index } of results)
    if (fault !== undefined) findings.add('token', `Token ${tokenId ?? number}: ${fault}.`, index)
  const logNames = new Set(opened.logKeys.map(({ keyId }) => keyId))
  return {
    isValid: findings.list.length === 0,
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: checkpoint.root.toString('base64'),
    entries: done.entries,
    bodies: { checked: done.bodies, absent: done.entries - done.bodies },
    signedBy: note.signatures.filter(({ keyId }) => logNames.has(keyId)).map(({ name, keyId }) => `${name}+${keyId}`),
    isKeyPinned: options.logKeys.length > 0,
    witnesses: note.signatures
      .filter(({ keyId }) => !logNames.has(keyId))
      .map(({ name, timestamp, verifierKey }) => ({
        name,
        timestamp,
        isKeyPinned: options.witnessKeys.includes(formatVerifierKey(verifierKey)),
      })),
    olderCheckpoints: done.olderCheckpoints,
    tokens: results,
    findings: findings.list,
    moreFindings: findings.more,
  }
}

function open(files: ExportFiles, options: VerifyOptions): Opened {
  const text = (name: string): string => {
    const bytes = files.read(name)
    if (!bytes) throw new ExportError(`There is no ${name}`)
    return bytes.toString('utf8')
  }
  const manifest = parseManifest(text(exportFiles.manifest))
  const keys = parseKeys(text(exportFiles.keys))
  const logKeys =
    options.logKeys.length > 0 ? followHandovers(readVerifierKeys(options.logKeys), keys.handovers) : readVerifierKeys(keys.log)
  const witnessKeys = readVerifierKeys([...new Set([...keys.witnesses, ...options.witnessKeys])])
  const findings = new Findings()
  const { note, checkpoint } = openCheckpoint(text(exportFiles.checkpoint), logKeys, witnessKeys)
  if (manifest.size !== checkpoint.size || manifest.origin !== checkpoint.origin)
    findings.add(
      'file',
      `${exportFiles.manifest} speaks of ${manifest.size} entries of ${manifest.origin}, the checkpoint does not.`,
    )
  return { files, manifest, keys, logKeys, note, checkpoint, findings }
}

/** Throws ExportError unless a key of the log signed it. */
function openCheckpoint(text: string, logKeys: readonly VerifierKey[], witnessKeys: readonly VerifierKey[]) {
  try {
    // First by the log's keys alone: witnesses vouch for no log.
    const checkpoint = openOwn(text, logKeys)
    return { note: openNote(text, [...logKeys, ...witnessKeys]), checkpoint }
  } catch (error) {
    if (error instanceof TlogError) throw new ExportError(`The checkpoint cannot be believed: ${error.message}`)
    throw error
  }
}

/**
 * A log's key signs under the log's name. The same Ed25519 key may have signed an earlier log too (a restore begins another one), and
 * nothing in a signature says which name stood beside it. Throws TlogError.
 */
function openOwn(text: string, logKeys: readonly VerifierKey[]): Checkpoint {
  const note = openNote(text, logKeys)
  const checkpoint = parseCheckpoint(note.text)
  const isOwn = note.signatures.some(
    ({ verifierKey: { type, name } }) => type === noteSignatureTypes.ed25519 && name === checkpoint.origin,
  )
  if (!isOwn) throw new TlogError(`it is of ${checkpoint.origin}, and no known key is of that log`)
  return checkpoint
}

interface Done {
  readonly entries: number
  readonly bodies: number
  readonly olderCheckpoints: number
}

function* verifyWhole(opened: Opened, options: VerifyOptions, tokens: TokenCheck): Generator<number, Done> {
  const { files, checkpoint, findings } = opened
  const marks = marksOf(opened, options.from)
  const bodies = new BodyCheck(files.blocks(exportFiles.bodies), findings)
  const { size } = checkpoint
  const pass = yield* new LogPass({ files, tiles: options.tiles ?? files, size, marks, bodies, tokens, findings }).run()
  judgePass(pass, checkpoint, findings)
  return { entries: pass.entries, bodies: bodies.checked, olderCheckpoints: marks.length }
}

function* verifyOwn(opened: Opened, options: VerifyOptions, tokens: TokenCheck): Generator<number, Done> {
  const { files, manifest, checkpoint: signed, findings } = opened
  if (options.from !== undefined)
    throw new ExportError('A tenant’s export does not hold the tree, so an older checkpoint cannot be compared with it')
  const tenantUuid = parseId('tenant', manifest.tenant!)
  if (tenantUuid === undefined) throw new ExportError('The manifest names no tenant')
  const done = yield* verifyTenant({ files, manifest, signed, tokens, findings, tenantUuid })
  return { ...done, olderCheckpoints: 0 }
}

/** Older checkpoints, each signed by the log; one that is not is a finding. */
function marksOf({ files, logKeys, checkpoint, findings }: Opened, from: string | undefined): Mark[] {
  const folder = exportFiles.olderCheckpoints
  const kept = files
    .list(folder)
    .map(name => ({ name: `${folder}/${name}`, text: files.read(`${folder}/${name}`)?.toString('utf8') ?? '' }))
  const given = from === undefined ? [] : [{ name: 'The older checkpoint', text: from }]
  return [...kept, ...given].flatMap(({ name, text }) => {
    try {
      const { origin, size, root } = openOwn(text, logKeys)
      if (origin !== checkpoint.origin) findings.add('checkpoint', `${name} is of another log, ${origin}.`)
      else if (size > checkpoint.size)
        findings.add(
          'checkpoint',
          `${name} is over ${size} entries: ${size - checkpoint.size} of them are gone.`,
          checkpoint.size,
        )
      else return [{ name, size, root }]
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
      findings.add('checkpoint', `${name} cannot be believed: ${error.message}.`)
    }
    return []
  })
}
