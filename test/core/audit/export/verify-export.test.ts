import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { tilePath } from '#core/tlog/tile-path.ts'
import {
  bundles,
  emptyExport,
  filesOf,
  hashTiles,
  ofAnotherLog,
  sampleEntries,
  sampleExport,
  sampleLogKey,
  sampleTenantExport,
  sampleWitnessKey,
  signedCheckpoint,
  verifyFiles,
} from './sample-export.ts'

const size = 600
const entries = sampleEntries(size)
const files = sampleExport({ entries })
const changed = (changes: ReadonlyMap<string, Buffer>) => new Map([...files, ...changes])
/** The export of somebody whose database has these entries now, while the tiles are as they were sealed. */
const exportedAs = (now: typeof entries) => {
  const kept = [...files].filter(([path]) => !path.startsWith('tile/entries/'))
  const held = [...now.slice(0, size)]
  return new Map([...kept, ...bundlesOfWidth(held)])
}
/** Bundles under the paths of a log of `size`: one that is too short lacks entries at its end. */
function bundlesOfWidth(now: typeof entries) {
  const made = new Map<string, Buffer>()
  for (let index = 0; index * 256 < size; index++)
    made.set(
      tilePath('entries', index, Math.min(256, size - index * 256)),
      encodeBundle(now.slice(index * 256, (index + 1) * 256).map(({ leaf }) => leaf)),
    )
  return made
}
const anIndex = fc.nat(size - 1)

describe('a sound export', () => {
  test.each([0, 1, 2, 255, 256, 257, 512, 600])('of %i entries verifies, with its bodies and its witness', count => {
    const some = entries.slice(0, count)
    const report = verifyFiles(sampleExport({ entries: some }))
    expect(report).toMatchObject({ isValid: true, size: count, entries: count, findings: [], isKeyPinned: false })
    expect(report.bodies.checked).toBe(some.filter(({ body }) => body !== undefined).length)
    expect(report.witnesses).toEqual([{ name: 'witness.example', timestamp: 1_795_305_700, isKeyPinned: false }])
  })

  test('says of a witness whether its key is the verifier’s own: an export can bring a witness of any name', () => {
    const { witnesses } = verifyFiles(files, { logKeys: [sampleLogKey], witnessKeys: [sampleWitnessKey] })
    expect(witnesses).toMatchObject([{ name: 'witness.example', isKeyPinned: true }])
  })

  test('verifies with the key that the verifier brings, and with no other', () => {
    expect(verifyFiles(files, { logKeys: [sampleLogKey] })).toMatchObject({ isValid: true, isKeyPinned: true })
    const foreign = 'example.com/foo+530a903d+AWxHmeQ3LjW8Lhgyxf7XpCV3k3zgPSt+RLNZi5YTHZWl'
    expect(() => verifyFiles(files, { logKeys: [foreign] })).toThrow(/checkpoint cannot be believed|cannot be read/)
  })

  test('verifies without the bodies that retention has dropped', () => {
    const lines = files
      .get('bodies.ndjson')!
      .toString()
      .trimEnd()
      .split('\n')
      .filter((_, at) => at % 5 === 0)
    const report = verifyFiles(changed(new Map([['bodies.ndjson', Buffer.from(`${lines.join('\n')}\n`)]])))
    expect(report).toMatchObject({ isValid: true })
  })
})

describe('F15: an export that somebody changed', () => {
  test('any single byte of a bundle: names the entry', () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 }), (at, place, flip) => {
        const [path, bytes] = [...bundles(entries)][at]!
        const offset = place % bytes.length
        const edited = Buffer.from(bytes)
        edited[offset]! ^= flip
        const report = verifyFiles(changed(new Map([[path, edited]])))
        expect(report.findings.find(({ kind }) => kind !== 'body')?.index).toBe(at * 256 + entryAt(bytes, offset))
      }),
      { numRuns: 200 },
    )
  })

  test('any single byte of a hash tile: names the entry, or the tile', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (pick, place, flip) => {
        const tiles = [...hashTiles(entries)]
        const [path, bytes] = tiles[pick % tiles.length]!
        const offset = place % bytes.length
        const edited = Buffer.from(bytes)
        edited[offset]! ^= flip
        const { findings } = verifyFiles(changed(new Map([[path, edited]])))
        expect(findings).toHaveLength(1)
        expect(findings[0]).toMatchObject({ kind: 'tile', text: expect.stringContaining(path) })
        if (path.startsWith('tile/0/'))
          expect(findings[0]!.index).toBe(Number(/\d{3}/.exec(path)![0]) * 256 + Math.floor(offset / 32))
      }),
      { numRuns: 100 },
    )
  })

  test('any two entries that changed places: names both', () => {
    fc.assert(
      fc.property(anIndex, anIndex, (one, other) => {
        fc.pre(one !== other)
        const now = [...entries]
        ;[now[one], now[other]] = [now[other]!, now[one]!]
        const { findings } = verifyFiles(exportedAs(now))
        const told = findings.filter(({ kind }) => kind === 'moved').map(({ index }) => index)
        // Neighbours: to say of one that it stands before the other says it all.
        const wanted = Math.abs(one - other) === 1 ? [Math.max(one, other)] : [Math.min(one, other), Math.max(one, other)]
        expect(told).toEqual(wanted)
      }),
      { numRuns: 100 },
    )
  })

  test('any entry that was moved: names it alone', () => {
    fc.assert(
      fc.property(anIndex, anIndex, (from, to) => {
        fc.pre(from !== to)
        const now = [...entries]
        now.splice(to, 0, ...now.splice(from, 1))
        const moved = verifyFiles(exportedAs(now)).findings.filter(({ kind }) => kind !== 'body')
        expect(moved.every(({ kind }) => kind === 'moved')).toBe(true)
        expect(moved).toHaveLength(1)
      }),
      { numRuns: 100 },
    )
  })

  test('any entry that was removed, the later ones having moved up: names it alone', () => {
    fc.assert(
      fc.property(anIndex, index => {
        const findings = verifyFiles(exportedAs(entries.toSpliced(index, 1))).findings.filter(({ kind }) => kind !== 'body')
        expect(findings.map(({ kind, index: at }) => [kind, at])).toEqual([['missing', index]])
      }),
      { numRuns: 100 },
    )
  })

  test('any entry that was put in, the later ones having moved down: names where', () => {
    const [foreign] = sampleEntries(1)
    fc.assert(
      fc.property(fc.nat(size - 2), index => {
        const { findings } = verifyFiles(exportedAs(entries.toSpliced(index, 0, foreign!)))
        expect(findings.find(({ kind }) => kind !== 'body')).toMatchObject({ kind: 'inserted', index })
      }),
      { numRuns: 100 },
    )
  })

  test('any body, by one character: names its entry', () => {
    const lines = files.get('bodies.ndjson')!.toString().trimEnd().split('\n')
    fc.assert(
      fc.property(fc.nat(lines.length - 1), at => {
        const { position, body } = JSON.parse(lines[at]!)
        const edited = lines.with(at, JSON.stringify({ position, body: body.replace('scope_not_allowed', 'scope_not_allowee') }))
        const { findings } = verifyFiles(changed(new Map([['bodies.ndjson', Buffer.from(`${edited.join('\n')}\n`)]])))
        expect(findings).toMatchObject([{ kind: 'body', index: position }])
      }),
      { numRuns: 50 },
    )
  })

  test.each(['tile/entries/001', 'tile/0/001', 'tile/1/000.p/2'])('the file %s is gone: says so', path => {
    const without = new Map(files)
    without.delete(path)
    const { isValid, findings } = verifyFiles(without)
    expect(isValid).toBe(false)
    expect(findings[0]!.text).toContain(path)
  })

  test('entries and their hashes alike: says what else they would have to be', () => {
    const forged = entries.with(300, sampleEntries(1)[0]!)
    const now = new Map([...sampleExport({ entries: forged }), ['checkpoint', files.get('checkpoint')!]])
    expect(verifyFiles(now).findings[0]).toMatchObject({ kind: 'history', index: 0 })
    expect(verifyFiles(now, { from: signedCheckpoint(entries, 299) }).findings[0]).toMatchObject({ kind: 'history', index: 299 })
    const narrow = verifyFiles(now.set('older-checkpoints/301', Buffer.from(signedCheckpoint(entries, 301))), {
      from: signedCheckpoint(entries, 300),
    })
    expect(narrow.findings[0]!.text).toContain('from entry 300 up to entry 300')
  })

  test('the same, beside a copy of the older tiles: names the entry', () => {
    const forged = entries.with(300, sampleEntries(1)[0]!)
    const now = new Map([...sampleExport({ entries: forged }), ['checkpoint', files.get('checkpoint')!]])
    const tiles = filesOf(hashTiles(entries))
    expect(verifyFiles(now, { tiles }).findings.map(({ kind, index }) => [kind, index])).toContainEqual(['changed', 300])
  })

  test('everything, and signed again with the log’s own key: an older checkpoint tells', () => {
    const forged = entries.with(300, sampleEntries(1)[0]!)
    const now = sampleExport({ entries: forged })
    expect(verifyFiles(now).isValid).toBe(true)
    expect(verifyFiles(now, { from: signedCheckpoint(entries, 300) }).isValid).toBe(true)
    expect(verifyFiles(now, { from: signedCheckpoint(entries, 301) }).findings).toMatchObject([{ kind: 'checkpoint' }])
  })

  test('cut short, and signed again: an older checkpoint tells how many are gone', () => {
    const report = verifyFiles(sampleExport({ entries: entries.slice(0, 400) }), { from: signedCheckpoint(entries) })
    expect(report.findings).toMatchObject([{ kind: 'checkpoint', index: 400, text: expect.stringContaining('200') }])
  })
})

describe('an export that somebody made up', () => {
  test('of another log that the same key has signed: the key is not of that log', () => {
    expect(() => verifyFiles(ofAnotherLog(files), { logKeys: [sampleLogKey] })).toThrow(/no known key is of that log/)
    const from = ofAnotherLog(files).get('checkpoint')!.toString()
    expect(verifyFiles(files, { from }).findings).toMatchObject([{ kind: 'checkpoint' }])
  })

  test('of more entries than anybody could have: comes to an end', () => {
    const report = verifyFiles(emptyExport(Number.MAX_SAFE_INTEGER))
    expect(report).toMatchObject({ isValid: false, entries: 0 })
  })

  test.each(['constructor', '__proto__', 'toString'])('with a token whose issuer is “%s”: is refused for its receipt', iss => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const token = `${part({ alg: 'ES256' })}.${part({ iss, evt: 'A'.repeat(43) })}.AAAA`
    expect(verifyFiles(files, { tokens: [token] }).tokens).toMatchObject([{ fault: expect.stringContaining('receipt') }])
  })

  test('with a token whose receipt names bytes that are no entry: says so', () => {
    const leaf = Buffer.from('no entry')
    const made = sampleExport({ entries: [{ leaf, body: undefined }] })
    const evt = leafHash(leaf).toString('base64url')
    const token = `e30.${Buffer.from(JSON.stringify({ iss: 'x', evt })).toString('base64url')}.AAAA`
    expect(verifyFiles(made, { tokens: [token] }).tokens).toMatchObject([{ fault: expect.stringContaining('no entry of a log') }])
  })
})

describe('a tenant’s export', () => {
  test('verifies by its proofs', async () => {
    const own = await sampleTenantExport(entries)
    expect(verifyFiles(own)).toMatchObject({ isValid: true, entries: size / 2, size })
  })

  test('any single byte of an entry, its body or its proof: names the entry', async () => {
    const own = await sampleTenantExport(entries)
    const lines = own.get('entries.ndjson')!.toString().trimEnd().split('\n')
    fc.assert(
      fc.property(fc.nat(lines.length - 1), fc.nat(), fc.constantFrom('leaf', 'body', 'proof'), (at, place, member) => {
        const line = JSON.parse(lines[at]!)
        const edit = (text: string) => {
          const offset = place % text.length
          return `${text.slice(0, offset)}${text[offset] === 'A' ? 'B' : 'A'}${text.slice(offset + 1)}`
        }
        if (member === 'body' && line.body === undefined) return
        if (member === 'proof') {
          const step = place % line.proof.length
          line.proof[step] = edit(line.proof[step].slice(0, 42)) + line.proof[step].slice(42)
        } else line[member] = edit(line[member])
        const now = new Map(own).set('entries.ndjson', Buffer.from(`${lines.with(at, JSON.stringify(line)).join('\n')}\n`))
        expect(verifyFiles(now).findings[0]?.index).toBe(line.position)
      }),
      { numRuns: 100 },
    )
  })
})

/** Which entry of a bundle a byte belongs to. */
function entryAt(bundle: Buffer, offset: number): number {
  let index = 0
  for (let at = 0; at < bundle.length; index++) {
    const end = at + 2 + bundle.readUInt16BE(at)
    if (offset < end) return index
    at = end
  }
  return index
}
