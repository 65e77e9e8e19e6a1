import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint, originOf, parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { leafHash } from '#core/tlog/hash.ts'
import {
  createCosigner,
  createNoteSigner,
  formatVerifierKey,
  noteSignatureTypes,
  openNote,
  parseNote,
  parseVerifierKey,
  signatureLine,
  signNote,
  verifierKeyOf,
} from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'

// The example of golang.org/x/mod/sumdb/note, whose notes these are.
const peterKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const peterSeed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
const peterText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const peterNote = `${peterText}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`
// The example of c2sp.org/tlog-cosignature, which holds that of c2sp.org/tlog-checkpoint.
const exampleText = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const exampleNote = `${exampleText}
— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`

const ed25519Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const privateKeyOf = (seed: Buffer) => createPrivateKey({ key: Buffer.concat([ed25519Head, seed]), format: 'der', type: 'pkcs8' })
const newKey = () => generateKeyPairSync('ed25519').privateKey

describe('a verifier key', () => {
  test.each([
    [peterKey, 0x01],
    ['example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 0x01],
    ['TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6', 0x01],
    ['remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2', 0x04],
  ])('of others is read and written: %s', (text, type) => {
    const key = parseVerifierKey(text)
    expect(key.type).toBe(type)
    expect(formatVerifierKey(key)).toBe(text)
  })

  test.each([
    ['of another id', peterKey.replace('c74f20a3', 'c74f20a4')],
    ['with an id in capitals', peterKey.replace('c74f20a3', 'C74F20A3')],
    ['with a space in its name', peterKey.replace('Peter', 'Peter ')],
    ['that is too short', 'PeterNeumann+c74f20a3+ARpc'],
    ['of an unknown type', `a+00000000+${Buffer.alloc(33, 6).toString('base64')}`],
    ['in base64url', peterKey.replace('/', '_')],
    ['without anything', ''],
  ])('%s is refused', (_, text) => {
    expect(() => parseVerifierKey(text)).toThrow(TlogError)
  })

  test('is not made of another kind of key', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(() => verifierKeyOf('a', noteSignatureTypes.ed25519, privateKey)).toThrow(TlogError)
    expect(() => createNoteSigner('a b', newKey())).toThrow(TlogError)
    expect(() => createNoteSigner('a+b', newKey())).toThrow(TlogError)
  })
})

describe('a note', () => {
  test('of others opens, and is signed byte for byte as they do', () => {
    expect(openNote(peterNote, [parseVerifierKey(peterKey)]).text).toBe(peterText)
    expect(signNote(peterText, [createNoteSigner('PeterNeumann', privateKeyOf(peterSeed))])).toBe(peterNote)
  })

  test('opens for those who know one of its keys, and says whose signatures they are', () => {
    const [log, witness, stranger] = [newKey(), newKey(), newKey()]
    const signers = [createNoteSigner('log', log), createCosigner('w1', witness, () => 1_795_305_600.9)]
    const note = signNote('a\n\nb\n', [createNoteSigner('stranger', stranger), ...signers])
    const { text, signatures } = openNote(
      note,
      signers.map(signer => signer.verifierKey),
    )
    expect(text).toBe('a\n\nb\n')
    expect(signatures.map(({ name, timestamp }) => [name, timestamp])).toEqual([
      ['log', undefined],
      ['w1', 1_795_305_600],
    ])
  })

  test('does not open without a known key, or where a known key’s signature is wrong', () => {
    const signer = createNoteSigner('log', newKey())
    const note = signNote('a\n', [signer])
    const other = createNoteSigner('log', newKey()).verifierKey
    expect(() => openNote(note, [other])).toThrow('No known key')
    expect(() => openNote(note, [])).toThrow('No known key')
    expect(() => openNote(note.replace('a\n', 'b\n'), [signer.verifierKey])).toThrow('does not verify')
    const forged = note + signatureLine('b\n', signer)
    expect(() => openNote(forged, [signer.verifierKey])).toThrow('does not verify')
  })

  test('a log’s key does not pass for a witness, nor a witness for the log, even if they are one key', () => {
    const key = newKey()
    const [log, witness] = [createNoteSigner('x', key), createCosigner('x', key, () => 5)]
    expect(() => openNote(signNote('a\n', [log]), [witness.verifierKey])).toThrow(TlogError)
    expect(() => openNote(signNote('a\n', [witness]), [log.verifierKey])).toThrow(TlogError)
  })

  test('is not cosigned at a time that no calendar has, however well that is signed', () => {
    const at = (seconds: number) => createCosigner('w', newKey(), () => seconds)
    for (const [seconds, isFit] of [
      [8.64e12, true],
      [8.64e12 + 1, false],
      [Number.MAX_SAFE_INTEGER, false],
    ] as const) {
      const witness = at(seconds)
      const open = () => openNote(signNote(exampleText, [witness]), [witness.verifierKey])
      if (isFit) expect(() => new Date(open().signatures[0]!.timestamp! * 1000).toISOString()).not.toThrow()
      else expect(open).toThrow(TlogError)
    }
  })

  test('every changed bit of text or signature closes it', () => {
    const signer = createCosigner('w', newKey(), () => 1_795_305_600)
    const note = Buffer.from(signNote(exampleText, [signer]))
    fc.assert(
      fc.property(fc.nat(note.length * 8 - 1), bit => {
        const changed = Buffer.from(note)
        changed[Math.floor(bit / 8)]! ^= 1 << (bit % 8)
        expect(() => openNote(changed.toString(), [signer.verifierKey])).toThrow(TlogError)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['nothing', ''],
    ['a text alone', 'a\n'],
    ['no signature', 'a\n\n'],
    ['no last newline', peterNote.trimEnd()],
    ['a hyphen for a dash', peterNote.replace('—', '-')],
    ['a control character', peterNote.replace('If', 'I\x07f')],
    ['a carriage return', peterNote.replaceAll('\n', '\r\n')],
    ['a bare signature', peterNote.replace(/x08.*=/, 'x08g')],
    ['a word too many', peterNote.replace('=\n', '= more\n')],
    ['far too many signatures', peterNote + `${peterNote.split('\n').at(-2)}\n`.repeat(64)],
  ])('with %s is none', (_, note) => {
    expect(() => parseNote(note)).toThrow(TlogError)
  })
})

describe('a checkpoint', () => {
  test('is the one of the specification', () => {
    const { text, signatures } = parseNote(exampleNote)
    const checkpoint = parseCheckpoint(text)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(formatCheckpoint(checkpoint)).toBe(exampleText)
    expect(signatures.map(({ name, keyId, bytes }) => [name, keyId, bytes.length])).toEqual([
      ['example.com/behind-the-sofa', '033de0ae', 64],
      ['witness.example.com/w1', '8d66cf3f', 72],
    ])
    expect(signatures[1]!.bytes.readBigUInt64BE()).toBe(1_679_315_147n)
  })

  test('comes back from its text, extension lines are let pass', () => {
    const origin = originOf('broker.example:8443', '0190-shard')
    const checkpoint = { origin, size: 0, root: leafHash('') }
    expect(origin).toBe('broker.example:8443/log/0190-shard')
    expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
    expect(parseCheckpoint(`${formatCheckpoint(checkpoint)}more\n`)).toEqual(checkpoint)
  })

  test.each([
    ['no origin', exampleText.replace('example.com/behind-the-sofa', '')],
    ['a leading zero', exampleText.replace('2085', '02085')],
    ['a sign', exampleText.replace('2085', '+2085')],
    ['a size beyond counting', exampleText.replace('20852163', '9007199254740993')],
    ['a short root', exampleText.replace('CsUY', '')],
    ['base64url', exampleText.replace('/X', '_X')],
    ['an empty line', `${exampleText}\n`],
    ['no end', exampleText.trimEnd()],
  ])('with %s is none', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(TlogError)
  })
})
