// An export of events as a busy broker writes them, on disk, as large as is wanted: one bundle in memory at a time.

import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { prepareEvent } from '#core/audit/event.ts'
import { exportFormat } from '#core/audit/export/manifest.ts'
import { hashBundle, TreeSum } from '#core/audit/export/tree-sum.ts'
import { newUuid } from '#core/ids/id.ts'
import { randomText } from '#core/ids/random.ts'
import { formatCheckpoint } from '#core/tlog/checkpoint.ts'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { hashBytes } from '#core/tlog/hash.ts'
import { createNoteSigner, formatVerifierKey, signNote } from '#core/tlog/note.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'

const shard = newUuid()
const origin = `broker.example/log/${shard}`

/** Returns how many bytes the bundles have, and the bodies. */
export function writeExport(folder: string, size: number): { readonly bundleBytes: number; readonly bodyBytes: number } {
  const put = (path: string, bytes: string | Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  const sum = new TreeSum((level, index, hashes) => put(tilePath(level, index, hashes.length / hashBytes), hashes))
  const hashes = Buffer.alloc(tileWidth * hashBytes)
  let [bundleBytes, bodyBytes, rest] = [0, 0, 0]
  for (let index = 0; index * tileWidth < size; index++) {
    const width = Math.min(tileWidth, size - index * tileWidth)
    const events = Array.from({ length: width }, () => issued())
    const bundle = encodeBundle(events.map(({ leaf }) => Buffer.from(leaf)))
    const bodies = events.map(({ body }, at) => `${JSON.stringify({ position: index * tileWidth + at, body })}\n`).join('')
    put(tilePath('entries', index, width), bundle)
    appendFileSync(join(folder, 'bodies.ndjson'), bodies)
    hashBundle(bundle, hashes)
    put(tilePath(0, index, width), hashes.subarray(0, width * hashBytes))
    if (width === tileWidth) sum.push(hashes)
    else rest = width
    bundleBytes += bundle.length
    bodyBytes += Buffer.byteLength(bodies)
  }
  sum.flush()
  const signer = createNoteSigner(origin, generateKeyPairSync('ed25519').privateKey)
  put('checkpoint', signNote(formatCheckpoint({ origin, size, root: sum.rootWith(hashes, rest) }), [signer]))
  put('keys.json', JSON.stringify({ log: [formatVerifierKey(signer.verifierKey)], witnesses: [], issuers: {} }))
  put('manifest.json', JSON.stringify({ format: exportFormat, origin, shard, size, made_at: new Date().toISOString() }))
  return { bundleBytes, bodyBytes }
}

const [tenantId, agentId, resource, source] = [newUuid(), newUuid(), newUuid(), newUuid()]

function issued() {
  const sealed = { subjectKeyId: source, text: randomText(240), commitment: randomText(32) }
  const facts = {
    binding: 'pop',
    config_epoch: 17,
    expires: 1_795_305_900,
    generation: 1,
    narrowed: false,
    resource,
    trust_source: source,
  } as const
  const ids = { tenantId, agentId, accountId: newUuid(), tokenId: `at_${randomText(16)}`, claimsHash: randomText(32) }
  return prepareEvent({ type: 'token.issued', ...ids, facts, private: sealed }, Date.now())
}
