// Two verifiers of exports, written apart from one another, say the same of the same exports; and each says of published vectors what
// their publishers say.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashBundle, TreeSum } from '#core/audit/export/tree-sum.ts'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { openNote, parseVerifierKey } from '#core/tlog/note.ts'
import {
  bundles,
  hashTiles,
  ofAnotherLog,
  rotated,
  sampleEntries,
  sampleExport,
  sampleLogKey,
  sampleTenantExport,
  signedCheckpoint,
  verifyFiles,
} from '../core/audit/export/sample-export.ts'

const program = join(import.meta.dirname, 'verify_export.py')
const hasPython = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 8)']).status === 0
if (!hasPython && process.env['CI']) throw new Error('The second verifier must run here: install Python 3.8 or newer.')

const folder = mkdtempSync(join(tmpdir(), 'mayfly-export-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const entries = sampleEntries(600)
const forged = entries.with(300, sampleEntries(1)[0]!)
const checkpoint = signedCheckpoint(entries)
const sound = sampleExport({ entries })
const flipped = (bytes: Buffer, offset: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[offset]! ^= 1
  return copy
}
const withFile = (path: string, bytes: Buffer) => new Map([...sound, [path, bytes]])
const onlyEntries = (now: typeof entries) => new Map([...sound, ...bundles(now)])

interface Case {
  readonly title: string
  readonly files: ReadonlyMap<string, Buffer>
  readonly from?: string
  /** Position that both name first; undefined: the export is sound; null: something is wrong that is no entry's. */
  readonly index: number | null | undefined
}

const cases: Case[] = [
  { title: 'a sound export', files: sound, index: undefined },
  { title: 'one that goes on from an older checkpoint', files: sound, from: signedCheckpoint(entries, 300), index: undefined },
  { title: 'one of no entries', files: sampleExport({ entries: [] }), index: undefined },
  { title: 'an entry that was changed', files: onlyEntries(forged), index: 300 },
  { title: 'two entries that changed places', files: onlyEntries(entries.with(7, entries[9]!).with(9, entries[7]!)), index: 7 },
  {
    title: 'a byte of a bundle',
    files: withFile('tile/entries/000', flipped(bundles(entries).get('tile/entries/000')!, 40)),
    index: 0,
  },
  {
    title: 'a byte of a hash tile',
    files: withFile('tile/0/001', flipped(hashTiles(entries).get('tile/0/001')!, 33)),
    index: 257,
  },
  {
    title: 'a body that was changed',
    files: withFile('bodies.ndjson', Buffer.from(sound.get('bodies.ndjson')!.toString().replace('scope_not', 'scope_was'))),
    index: 1,
  },
  { title: 'entries and tiles written anew', files: new Map([...sampleExport({ entries: forged, checkpoint })]), index: null },
  {
    title: 'a history that was rewritten and signed again',
    files: sampleExport({ entries: forged }),
    from: signedCheckpoint(entries, 400),
    index: null,
  },
]

describe.skipIf(!hasPython)('F15: the verifier in TypeScript and the one in Python', () => {
  test.each(cases)('agree on $title', ({ files, from, index }) => {
    const ours = verifyFiles(files, { from })
    const theirs = runPython(write(files), from)
    expect([ours.isValid, theirs.valid]).toEqual([index === undefined, index === undefined])
    if (index === undefined) return
    expect(theirs.findings[0]!.index).toBe(index)
    if (index !== null) expect(ours.findings[0]!.index).toBe(index)
  })

  test('agree on a tenant’s export, sound and with a changed entry', async () => {
    const own = await sampleTenantExport(entries)
    expect(runPython(write(own))).toMatchObject({ valid: true })
    const text = own.get('entries.ndjson')!.toString().replace('"position":42,', '"position":44,')
    const bad = own.set('entries.ndjson', Buffer.from(text))
    expect(runPython(write(bad)).findings[0]!.index).toBe(44)
    expect(verifyFiles(bad).findings[0]!.index).toBe(44)
  })

  test('believe no checkpoint of another log, though the same key signed it', () => {
    const files = ofAnotherLog(sound)
    expect(() => verifyFiles(files)).toThrow('no known key is of that log')
    expect(runPython(write(files))).toMatchObject({ valid: false, error: expect.stringContaining('another log') })
  })

  test('compare no tenant’s export with an older checkpoint, and say so', async () => {
    const own = await sampleTenantExport(entries)
    expect(() => verifyFiles(own, { from: checkpoint })).toThrow('cannot be compared')
    expect(runPython(write(own), checkpoint)).toMatchObject({ valid: false, error: expect.stringContaining('compared') })
  })

  test('go on to the next key of a log where the one that they are held to names it, and not where it names itself', () => {
    const held = [sampleLogKey]
    const older = signedCheckpoint(entries, 300)
    const [led, claimed] = [rotated.export(entries), rotated.export(entries, 'itself')]
    expect(verifyFiles(led, { logKeys: held, from: older }).isValid).toBe(true)
    expect(runPython(write(led), older, held)).toMatchObject({ valid: true })
    expect(runPython(write(led), older)).toMatchObject({ valid: true })
    expect(runPython(write(claimed), older, [rotated.key, ...held])).toMatchObject({ valid: true })
    expect(() => verifyFiles(claimed, { logKeys: held })).toThrow('cannot be believed')
    expect(runPython(write(claimed), undefined, held)).toMatchObject({ valid: false, error: expect.any(String) })
    const meanwhile = claimed.set('checkpoint', Buffer.from(rotated.byBoth(entries)))
    for (const key of [rotated.key, sampleLogKey])
      expect(runPython(write(meanwhile), undefined, [key])).toMatchObject({ valid: true })
  })

  test('believe no checkpoint that another key signed', () => {
    const files = withFile('checkpoint', flipped(sound.get('checkpoint')!, 30))
    expect(() => verifyFiles(files)).toThrow('cannot be believed')
    expect(runPython(write(files))).toMatchObject({ valid: false, error: expect.any(String) })
  })
})

/** The test tree of Certificate Transparency's own suites: entries, and the root over the first one, two, three … */
const treeEntries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const treeRoots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** The example of golang.org/x/mod/sumdb/note. */
const note =
  'If you think cryptography is the answer to your problem,\nthen you don’t know what your problem is.\n'.replace('’', "'") +
  '\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const noteKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'

describe('published vectors', () => {
  test('of RFC 6962 trees: the roots that Certificate Transparency publishes', () => {
    const hashes = Buffer.alloc(256 * 32)
    for (const [at, root] of treeRoots.entries()) {
      const { count } = hashBundle(encodeBundle(treeEntries.slice(0, at + 1).map(text => Buffer.from(text, 'hex'))), hashes)
      expect(new TreeSum().rootWith(hashes, count).toString('hex')).toBe(root)
    }
  })

  test('of signed notes: the example of its first implementation', () => {
    expect(openNote(note, [parseVerifierKey(noteKey)]).signatures).toHaveLength(1)
  })

  test.skipIf(!hasPython)('in Python: trees, notes, and Ed25519 as in RFC 8032 § 7.1', () => {
    const said = evaluate(`
edge, roots = [], []
for text in given["entries"]:
    v.append(edge, v.sha256(b"\\0", bytes.fromhex(text)))
    roots.append(v.root_of(edge).hex())
print(json.dumps({"roots": roots, "note": v.open_note(given["note"], [given["key"]])[1], "ed25519": [v.ed25519_verify(*map(bytes.fromhex, each)) for each in given["ed25519"]]}))
`)
    expect(said).toEqual({ roots: treeRoots, note: ['PeterNeumann'], ed25519: [true, true, true, false] })
  })
})

/** Key, message, signature: tests 1, 2 and 3 of RFC 8032 § 7.1, and the first with another message. */
const ed25519 = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '00',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
]

function evaluate(code: string): unknown {
  const given = JSON.stringify({ entries: treeEntries, note, key: noteKey, ed25519 })
  const start = `import json, sys; sys.path.insert(0, ${JSON.stringify(import.meta.dirname)}); sys.dont_write_bytecode = True; import verify_export as v; given = json.load(sys.stdin)`
  return JSON.parse(execFileSync('python3', ['-c', `${start}\n${code}`], { input: given, encoding: 'utf8' }))
}

let written = 0
function write(files: ReadonlyMap<string, Buffer>): string {
  const place = join(folder, String(written++))
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(place, path)), { recursive: true })
    writeFileSync(join(place, path), bytes)
  }
  return place
}

interface Said {
  readonly valid: boolean
  readonly findings: readonly { readonly index: number | null; readonly text: string }[]
}

function runPython(place: string, from?: string, keys: readonly string[] = []): Said {
  const older = join(place, 'older')
  if (from !== undefined) writeFileSync(older, from)
  const more = [...(from === undefined ? [] : ['--from', older]), ...keys.flatMap(key => ['--key', key])]
  const { stdout } = spawnSync('python3', [program, place, ...more], { encoding: 'utf8' })
  return JSON.parse(stdout)
}

beforeAll(() => {
  expect(readFileSync(program, 'utf8').split('\n').length - 1).toBeLessThanOrEqual(200)
})
