// An export in memory, and what somebody could do to one who holds it.

import { generateKeyPairSync } from 'node:crypto'
import { prepareEvent } from '#core/audit/event.ts'
import type { ExportFiles } from '#core/audit/export/export-files.ts'
import type { Report } from '#core/audit/export/report.ts'
import { type VerifyOptions, verifyExport } from '#core/audit/export/verify-export.ts'
import { formatId } from '#core/ids/id.ts'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { formatHandover } from '#core/tlog/handover.ts'
import { Frontier, hashBytes, leafHash, nodeHash } from '#core/tlog/hash.ts'
import { createCosigner, createNoteSigner, formatVerifierKey, signNote } from '#core/tlog/note.ts'
import { inclusionProof } from '#core/tlog/proof.ts'
import { createTileReader } from '#core/tlog/read-tiles.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'

export const sampleShard = '0198f3a2-7c41-7d2e-9a55-3b1f00c0ffee'
export const sampleOrigin = `broker.example/log/${sampleShard}`
export const sampleTenant = '0198f3a2-0000-7000-8000-000000000001'
export const otherTenant = '0198f3a2-0000-7000-8000-000000000002'

const logKey = generateKeyPairSync('ed25519').privateKey
const witnessKey = generateKeyPairSync('ed25519').privateKey
const logSigner = createNoteSigner(sampleOrigin, logKey)
const witness = createCosigner('witness.example', witnessKey, () => 1_795_305_700)
const nextSigner = createNoteSigner(sampleOrigin, generateKeyPairSync('ed25519').privateKey)
export const sampleLogKey = formatVerifierKey(logSigner.verifierKey)
export const sampleWitnessKey = formatVerifierKey(witness.verifierKey)

/** The same export with a checkpoint that names another log, by the same private key under the name of this one. */
export function ofAnotherLog(files: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const origin = sampleOrigin.replace('c0ffee', 'c0fff0')
  const text = files.get('checkpoint')!.toString().split('\n\n')[0]!.replace(sampleOrigin, origin)
  const told = files.get('manifest.json')!.toString().replace(sampleOrigin, origin)
  const checkpoint = Buffer.from(signNote(`${text}\n`, [logSigner]))
  return new Map([...files, ['checkpoint', checkpoint], ['manifest.json', Buffer.from(told)]])
}

/** An export of so many entries of which none is there; whoever signs may say any number. */
export function emptyExport(size: number): Map<string, Buffer> {
  const text = formatCheckpoint({ origin: sampleOrigin, size, root: Buffer.alloc(hashBytes) })
  const made = sampleExport({ entries: [], checkpoint: signNote(text, [logSigner]) })
  return made.set('manifest.json', manifest({ size }))
}

export interface SampleEntry {
  readonly leaf: Buffer
  readonly body: string | undefined
}

/** Entries of two tenants in turn. */
export function sampleEntries(count: number): SampleEntry[] {
  return Array.from({ length: count }, (_, at) => {
    const tenantId = at % 2 === 0 ? sampleTenant : otherTenant
    const facts = { code: 'scope_not_allowed', config_epoch: at, reason: 'ein „Täter"', trust_source: otherTenant }
    const { leaf, body } = prepareEvent({ type: 'token.denied', tenantId, facts }, 1_795_305_600_000 + at)
    return { leaf: Buffer.from(leaf), body: at % 3 === 0 ? undefined : body }
  })
}

/** A signed note over the first `size` of these entries. */
export function signedCheckpoint(entries: readonly SampleEntry[], size = entries.length, signers = [logSigner, witness]): string {
  const frontier = new Frontier()
  for (const { leaf } of entries.slice(0, size)) frontier.append(leafHash(leaf))
  return signNote(formatCheckpoint({ origin: sampleOrigin, size, root: frontier.root() }), signers)
}

/** After a rotation of its key: what the log's new key has signed, the keys as `/log/keys` tells them, and what both signed meanwhile. */
export const rotated = {
  key: formatVerifierKey(nextSigner.verifierKey),
  checkpoint: (entries: readonly SampleEntry[]) => signedCheckpoint(entries, entries.length, [nextSigner]),
  byBoth: (entries: readonly SampleEntry[]) => signedCheckpoint(entries, entries.length, [nextSigner, logSigner]),
  /** The export with the keys of before and after. by: who names the new one. */
  export(entries: readonly SampleEntry[], by: 'old' | 'itself' = 'old'): Map<string, Buffer> {
    const handover = signNote(formatHandover(nextSigner.verifierKey), [by === 'old' ? logSigner : nextSigner])
    const log = [this.key, sampleLogKey]
    const keys = [
      { key: this.key, since: '2026-11-23T08:00:00.000Z', handover },
      { key: sampleLogKey, since: '2025-11-23T08:00:00.000Z' },
    ]
    const files = sampleExport({ entries, checkpoint: this.checkpoint(entries) })
    return files.set('keys.json', Buffer.from(JSON.stringify({ log, keys, witnesses: [], issuers: {} })))
  },
}

/** Hash tiles over these entries, by path. */
export function hashTiles(entries: readonly SampleEntry[]): Map<string, Buffer> {
  const tiles = new Map<string, Buffer>()
  let nodes = entries.map(({ leaf }) => leafHash(leaf))
  for (let level = 0; nodes.length > 0; level++) {
    const above: Buffer[] = []
    for (let index = 0; index * tileWidth < nodes.length; index++) {
      const tile = nodes.slice(index * tileWidth, (index + 1) * tileWidth)
      tiles.set(tilePath(level, index, tile.length), Buffer.concat(tile))
      if (tile.length === tileWidth) above.push(rootOf(tile))
    }
    nodes = above
  }
  return tiles
}

function rootOf(nodes: readonly Buffer[]): Buffer {
  if (nodes.length === 1) return nodes[0]!
  return rootOf(Array.from({ length: nodes.length / 2 }, (_, at) => nodeHash(nodes[2 * at]!, nodes[2 * at + 1]!)))
}

/** Bundles of these entries, by path. */
export function bundles(entries: readonly SampleEntry[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (let index = 0; index * tileWidth < entries.length; index++) {
    const part = entries.slice(index * tileWidth, (index + 1) * tileWidth)
    files.set(tilePath('entries', index, part.length), encodeBundle(part.map(({ leaf }) => leaf)))
  }
  return files
}

export interface SampleInput {
  readonly entries: readonly SampleEntry[]
  readonly checkpoint?: string
  readonly issuers?: object
}

/** An operator's export, by path. */
export function sampleExport({
  entries,
  checkpoint = signedCheckpoint(entries),
  issuers = {},
}: SampleInput): Map<string, Buffer> {
  const size = entries.length
  const bodies = entries.flatMap(({ body }, position) => (body === undefined ? [] : [`${JSON.stringify({ position, body })}\n`]))
  return new Map<string, Buffer>([
    ...bundles(entries),
    ...hashTiles(entries),
    ['checkpoint', Buffer.from(checkpoint)],
    [
      'keys.json',
      Buffer.from(JSON.stringify({ log: [sampleLogKey], witnesses: [formatVerifierKey(witness.verifierKey)], issuers })),
    ],
    ['manifest.json', manifest({ size })],
    ['bodies.ndjson', Buffer.from(bodies.join(''))],
  ])
}

const manifest = (members: object): Buffer =>
  Buffer.from(
    JSON.stringify({
      format: 'mayfly-audit-export/1',
      origin: sampleOrigin,
      shard: sampleShard,
      made_at: '2026-11-23T08:00:00.000Z',
      ...members,
    }),
  )

/** The export of `sampleTenant`, by path. */
export async function sampleTenantExport(entries: readonly SampleEntry[]): Promise<Map<string, Buffer>> {
  const tiles = hashTiles(entries)
  const readHash = createTileReader(entries.length, async path => tiles.get(path))
  const lines: string[] = []
  for (const [position, { leaf, body }] of entries.entries()) {
    if (position % 2 !== 0) continue
    const proof = (await inclusionProof(position, entries.length, readHash)).map(hash => hash.toString('base64'))
    lines.push(`${JSON.stringify({ position, leaf: leaf.toString(), ...(body !== undefined && { body }), proof })}\n`)
  }
  const files = sampleExport({ entries })
  for (const path of [...files.keys()]) if (path.startsWith('tile/') || path === 'bodies.ndjson') files.delete(path)
  files.set('manifest.json', manifest({ size: entries.length, tenant: formatId('tenant', sampleTenant) }))
  return files.set('entries.ndjson', Buffer.from(lines.join('')))
}

/** The files as a verifier reads them; it gets copies, so that nothing it does to them lasts. */
export const filesOf = (files: ReadonlyMap<string, Buffer>): ExportFiles => ({
  read: path => (files.has(path) ? Buffer.from(files.get(path)!) : undefined),
  *blocks(path) {
    const bytes = files.get(path)
    if (bytes && bytes.length > 0) yield Buffer.from(bytes)
  },
  list: folder =>
    [...files.keys()]
      .filter(path => path.startsWith(`${folder}/`))
      .map(path => path.slice(folder.length + 1))
      .sort(),
})

/** What the verifier says of them. */
export function verifyFiles(files: ReadonlyMap<string, Buffer>, options: Partial<VerifyOptions> = {}): Report {
  const work = verifyExport(filesOf(files), { logKeys: [], witnessKeys: [], tokens: [], ...options })
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** Where one hash of a tile begins. */
export const hashAt = (index: number): number => (index % tileWidth) * hashBytes
