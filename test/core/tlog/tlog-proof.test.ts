import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { Frontier, leafHash, nodeHash } from '#core/tlog/hash.ts'
import { createCosigner, createNoteSigner, signatureLine, signNote } from '#core/tlog/note.ts'
import { inclusionProof } from '#core/tlog/proof.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { formatTlogProof, parseTlogProof, verifyTlogProof } from '#core/tlog/tlog-proof.ts'

const key = () => generateKeyPairSync('ed25519').privateKey
const origin = 'broker.example/log/one'
const log = createNoteSigner(origin, key())
const witnesses = ['w1', 'w2'].map(name => createCosigner(`witness.example/${name}`, key(), () => 1_795_000_000))
const trust = { logKeys: [log.verifierKey], witnessKeys: witnesses.map(({ verifierKey }) => verifierKey) }
const entry = (index: number): Buffer => Buffer.from(`{"entry":${index}}`)

/** Proof of entry `index` in a tree of `size`, with the signatures of these. */
async function prove(index: number, size: number, signers = [log, ...witnesses]) {
  const tree = new Frontier()
  for (let at = 0; at < size; at++) tree.append(leafHash(entry(at)))
  const node = (level: number, at: number): Buffer =>
    level === 0 ? leafHash(entry(at)) : nodeHash(node(level - 1, 2 * at), node(level - 1, 2 * at + 1))
  const checkpoint = signNote(formatCheckpoint({ origin, size, root: tree.root() }), signers)
  return { index, path: await inclusionProof(index, size, node), checkpoint, extra: entry(index) }
}

describe('a proof that stands alone', () => {
  test('is read back as it was written, and holds for its entry alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), async (size, pick, other) => {
        const index = pick % size
        const proof = await prove(index, size)
        const read = parseTlogProof(formatTlogProof(proof))
        expect(read).toEqual(proof)
        expect(verifyTlogProof(read, { entry: entry(index) }, trust)).toMatchObject({ index, checkpoint: { origin, size } })
        const wrong = other % size
        if (wrong !== index) expect(() => verifyTlogProof(read, { entry: entry(wrong) }, trust)).toThrow(TlogError)
        if (wrong !== index)
          expect(() => verifyTlogProof({ ...read, index: wrong }, { entry: entry(index) }, trust)).toThrow(TlogError)
      }),
      { numRuns: 40 },
    )
  })

  test('does not survive the change of any of its characters (attack 42)', async () => {
    const text = formatTlogProof(await prove(5, 11, [log]))
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
      expect(() => {
        const proof = parseTlogProof(changed)
        verifyTlogProof(proof, { entry: proof.extra ?? Buffer.alloc(0) }, trust)
      }, `character ${at}`).toThrow(TlogError)
    }
  })

  test('needs the log’s own signature; a witness alone does not do', async () => {
    const proof = await prove(0, 3, witnesses)
    expect(() => verifyTlogProof(proof, { entry: entry(0) }, trust)).toThrow('signed by no key of that log')
  })

  test('is not taken from another log that is trusted as well', async () => {
    const other = createNoteSigner('broker.example/log/two', key())
    const proof = await prove(0, 3, [other])
    expect(() => verifyTlogProof(proof, { entry: entry(0) }, { logKeys: [log.verifierKey, other.verifierKey] })).toThrow(
      TlogError,
    )
  })

  test('counts each known witness once, and no other', async () => {
    const stranger = createCosigner('witness.example/w1', key(), () => 1)
    const proof = await prove(2, 4, [log, witnesses[0]!, stranger])
    const twice = {
      ...proof,
      checkpoint: proof.checkpoint + signatureLine(`${proof.checkpoint.split('\n\n')[0]}\n`, witnesses[0]!),
    }
    expect(verifyTlogProof(twice, { entry: entry(2) }, { ...trust, witnessesNeeded: 1 }).witnesses).toHaveLength(1)
    expect(() => verifyTlogProof(twice, { entry: entry(2) }, { ...trust, witnessesNeeded: 2 })).toThrow(
      '1 of the known witnesses',
    )
  })

  test.each([
    ['nothing', ''],
    ['another head', 'c2sp.org/tlog-proof@v2\nindex 0\n\nx'],
    ['no checkpoint', 'c2sp.org/tlog-proof@v1\nindex 0\n'],
    ['no index', 'c2sp.org/tlog-proof@v1\n\nx'],
    ['an index with a zero before it', 'c2sp.org/tlog-proof@v1\nindex 01\n\nx'],
    ['a hash that is none', 'c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx'],
    ['extra that is no base64', 'c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\nx'],
  ])('%s is none', (_what, text) => {
    expect(() => parseTlogProof(text)).toThrow(TlogError)
  })
})
