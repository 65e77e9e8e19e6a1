import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { createCosigner, createNoteSigner, openNote, parseNote, signNote } from '#core/tlog/note.ts'
import { formatAddCheckpoint } from '#core/witness/add-checkpoint.ts'
import { Witness, type WitnessMemory } from '#core/witness/witness.ts'
import { createTestLog } from './tree.ts'

const log = createTestLog('broker.example/log/one')
const cosigner = createCosigner('witness.example/w1', generateKeyPairSync('ed25519').privateKey, () => 1_795_000_000)

let kept: Map<string, string>
let witness: Witness
const open = (memory: Partial<WitnessMemory> = {}): Witness =>
  new Witness({
    cosigner,
    logs: [{ origin: log.origin, keys: [log.signer.verifierKey] }],
    memory: {
      read: async origin => kept.get(origin),
      write: async (origin, note) => void kept.set(origin, note),
      ...memory,
    },
  })
beforeEach(() => {
  kept = new Map()
  witness = open()
})

async function send(from: number, to: number, changed?: ReadonlySet<number>) {
  const proof = from <= to ? await log.proof(from, to, changed) : []
  return witness.addCheckpoint(formatAddCheckpoint({ oldSize: from, proof, checkpoint: log.checkpoint(to, changed) }))
}

describe('a witness', () => {
  test('cosigns a tree that begins with the one it has seen, by a line that verifies behind the checkpoint', async () => {
    expect((await send(0, 3)).status).toBe(200)
    const answer = await send(3, 8)
    if (answer.status !== 200) throw new Error(answer.why)
    const { text, signatures } = openNote(log.checkpoint(8) + answer.lines, [cosigner.verifierKey])
    expect(parseCheckpoint(text).size).toBe(8)
    expect(signatures).toMatchObject([{ name: 'witness.example/w1', timestamp: 1_795_000_000 }])
  })

  test('keeps what it has cosigned before it answers', async () => {
    await send(0, 5)
    expect(parseNote(kept.get(log.origin)!).signatures.map(({ name }) => name)).toEqual([log.origin, 'witness.example/w1'])
    witness = open({ write: () => Promise.reject(new Error('disk full')) })
    await expect(send(5, 6)).rejects.toThrow('disk full')
  })

  test('says which size it knows when it is asked from another', async () => {
    await send(0, 5)
    expect(await send(0, 9)).toMatchObject({ status: 409, size: 5 })
    expect(await send(4, 9)).toMatchObject({ status: 409, size: 5 })
    expect(await send(5, 9)).toMatchObject({ status: 200 })
  })

  test('refuses a tree of the same size with another root, and hands over the proof of it', async () => {
    await send(0, 6)
    const answer = await send(6, 6, new Set([2]))
    expect(answer).toMatchObject({ status: 409, size: 6 })
    if (answer.status !== 409) throw new Error('unreachable')
    expect(parseCheckpoint(openNote(answer.forked!, [log.signer.verifierKey]).text).size).toBe(6)
    expect(await send(6, 6)).toMatchObject({ status: 200 })
  })

  test('never cosigns a history that differs from the one it has seen (attack 41)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 40 }),
        fc.nat(),
        fc.boolean(),
        async (from, more, at, honestProof) => {
          kept.clear()
          expect((await send(0, from)).status).toBe(200)
          const changed = new Set([at % from])
          const proof = await log.proof(from, from + more, honestProof ? undefined : changed)
          const checkpoint = log.checkpoint(from + more, changed)
          const { status } = await witness.addCheckpoint(formatAddCheckpoint({ oldSize: from, proof, checkpoint }))
          expect(status).toBe(more === 0 ? 409 : 422)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('answers of two at once one only: the other is told of the first', async () => {
    await send(0, 2)
    const answers = await Promise.all([send(2, 7), send(2, 5)])
    expect(answers.map(({ status }) => status)).toEqual([200, 409])
    expect(answers[1]).toMatchObject({ size: 7 })
  })

  test('begins with the empty tree, and cosigns the same tree again', async () => {
    expect((await send(0, 0)).status).toBe(200)
    expect((await send(0, 4)).status).toBe(200)
    expect((await send(4, 4)).status).toBe(200)
    expect(await send(9, 4)).toMatchObject({ status: 400 })
  })

  test('believes nothing that is kept without its own signature', async () => {
    await send(0, 4)
    kept.set(log.origin, log.checkpoint(2))
    await expect(send(2, 4)).rejects.toThrow('No known key')
    kept.set(log.origin, signNote(`elsewhere\n1\n${Buffer.alloc(32).toString('base64')}\n`, [cosigner]))
    await expect(send(1, 4)).rejects.toThrow('elsewhere')
  })
})

describe('who asks', () => {
  const stranger = createNoteSigner(log.origin, generateKeyPairSync('ed25519').privateKey)
  const other = createTestLog('broker.example/log/two')
  const [text = ''] = log.checkpoint(3).split('\n\n')

  test.each<[string, number, string]>([
    ['with the checkpoint of another log', 404, formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: other.checkpoint(3) })],
    [
      'with the signature of another key',
      403,
      formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: signNote(`${text}\n`, [stranger]) }),
    ],
    [
      'with a checkpoint that was changed',
      403,
      formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: log.checkpoint(3).replace('\n3\n', '\n4\n') }),
    ],
    ['without a signature', 400, `old 0\n\n${text}\n`],
    [
      'with a proof from nothing',
      422,
      formatAddCheckpoint({ oldSize: 0, proof: [Buffer.alloc(32)], checkpoint: log.checkpoint(3) }),
    ],
    ['with a size that is none', 400, `old 00\n\n${log.checkpoint(3)}`],
    ['with a negative size', 400, `old -1\n\n${log.checkpoint(3)}`],
    ['with a size beyond what is exact', 400, `old 9007199254740993\n\n${log.checkpoint(3)}`],
    ['with a hash that is too short', 400, `old 0\nAAAA\n\n${log.checkpoint(3)}`],
    [
      'with more proof than any tree needs',
      400,
      formatAddCheckpoint({ oldSize: 0, proof: Array(64).fill(Buffer.alloc(32)), checkpoint: log.checkpoint(3) }),
    ],
    ['with nothing', 400, ''],
    [
      'with lines that end otherwise',
      400,
      formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: log.checkpoint(3) }).replaceAll('\n', '\r\n'),
    ],
  ])('%s is refused', async (_how, status, body) => {
    expect((await witness.addCheckpoint(body)).status).toBe(status)
    expect(kept.size).toBe(0)
  })
})
