import { describe, expect, test } from 'vitest'
import { findSealedTree, proveConsistency, proveEntry } from '#core/audit/proof/sealed-tree.ts'
import { Frontier, leafHash } from '#core/tlog/hash.ts'
import { verifyConsistency } from '#core/tlog/proof.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { verifyTlogProof } from '#core/tlog/tlog-proof.ts'
import { type SealedLog, sealLog } from './sealed-log.ts'

const texts = (count: number) => Array.from({ length: count }, (_, at) => `{"entry":${at}}`)
const open = async ({ files }: SealedLog) => (await findSealedTree(async path => files.get(path)))!

function rootAt(log: SealedLog, size: number): Buffer {
  const tree = new Frontier()
  for (const entry of log.entries.slice(0, size)) tree.append(leafHash(entry))
  return tree.root()
}

describe('a sealed tree', () => {
  test.each([1, 2, 255, 256, 257, 700])('of %i entries proves each of them, with the bytes that were sealed', async size => {
    const log = sealLog('broker.example/log/one', texts(size))
    const tree = await open(log)
    for (const index of new Set([0, 1, 254, 255, 256, 511, size - 1].filter(at => at < size))) {
      const { entry, proof } = await proveEntry(tree, index)
      expect(entry).toEqual(log.entries[index])
      expect(verifyTlogProof(proof, { entry }, { logKeys: [log.signer.verifierKey] }).index).toBe(index)
    }
    await expect(proveEntry(tree, size)).rejects.toThrow(RangeError)
  })

  test('proves that it grew out of each earlier one', async () => {
    const log = sealLog('broker.example/log/one', texts(600))
    const tree = await open(log)
    for (const [from, to] of [
      [0, 600],
      [1, 2],
      [255, 600],
      [256, 512],
      [300, 599],
      [600, 600],
      [0, 0],
    ] as const) {
      const proof = await proveConsistency(tree, from, to)
      expect(proof).toMatchObject({ fromRoot: rootAt(log, from), toRoot: rootAt(log, to) })
      expect(verifyConsistency(proof)).toBe(true)
    }
    await expect(proveConsistency(tree, 5, 601)).rejects.toThrow(RangeError)
    await expect(proveConsistency(tree, 6, 5)).rejects.toThrow(RangeError)
  })

  test('takes the full tile where the partial one is gone', async () => {
    const log = sealLog('broker.example/log/one', texts(256))
    const part = sealLog('broker.example/log/one', texts(200))
    for (const [path, bytes] of log.files) if (path !== 'checkpoint') part.files.set(path, bytes)
    for (const path of part.files.keys()) if (path.endsWith('.p/200')) part.files.delete(path)
    const { entry } = await proveEntry(await open(part), 150)
    expect(entry).toEqual(part.entries[150])
  })

  test('gives no proof where a tile or a bundle was changed or is gone (attack 41)', async () => {
    for (const [path, index] of [
      ['tile/0/000', 10],
      ['tile/entries/001.p/44', 256],
      ['tile/1/000.p/1', 257],
    ] as const) {
      const log = sealLog('broker.example/log/one', texts(300))
      const bytes = Buffer.from(log.files.get(path)!)
      bytes[3]! ^= 1
      log.files.set(path, bytes)
      await expect(proveEntry(await open(log), index), path).rejects.toThrow(TlogError)
      log.files.delete(path)
      await expect(proveEntry(await open(log), index), path).rejects.toThrow(TlogError)
    }
  })

  test('gives no proof of consistency out of changed tiles', async () => {
    const log = sealLog('broker.example/log/one', texts(300))
    log.files.get('tile/0/000')![0]! ^= 1
    await expect(proveConsistency(await open(log), 100, 200)).rejects.toThrow(TlogError)
  })

  test('is not there before anything was sealed', async () => {
    expect(await findSealedTree(async () => undefined)).toBeUndefined()
  })
})
