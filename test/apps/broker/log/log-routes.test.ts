import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SealedLogs } from '#apps/broker/sealed-logs.ts'
import { decodeBundle } from '#core/tlog/entry-bundle.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { parseVerifierKey } from '#core/tlog/note.ts'
import { tileWidthAt } from '#core/tlog/read-tiles.ts'
import { tilePath } from '#core/tlog/tile-path.ts'
import { verifyCheckpoint } from '#core/tlog/tlog-proof.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
const open = useBroker({ config: { logTiles: { folder: sealer.folder }, logIsPublic: true } })
let size = 0
let origin = ''

const get = (path: string, token?: string, more: Record<string, string> = {}, from = broker) =>
  from.https.send(`${from.running.issuer}${path}`, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more },
  })

async function getBytes(path: string, token: string, more: Record<string, string> = {}): Promise<Buffer> {
  const response = await fetch(`${broker.running.issuer}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...more },
    dispatcher: broker.https.dispatcher(),
  } as RequestInit)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

beforeAll(async () => {
  const sealed = await sealer.seal(broker.database.database.sql)
  size = sealed.size
  origin = sealed.origin
})
afterAll(() => sealer.close())

describe('GET /log/checkpoint', () => {
  test('is signed by the key of /log/keys, under the origin that is its own address', async () => {
    const { operatorToken } = broker.running
    const { body: keys } = await get('/log/keys', operatorToken)
    const note = await get('/log/checkpoint', operatorToken)
    expect(note.headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'private, max-age=1' })
    const { checkpoint } = verifyCheckpoint(note.text, { logKeys: keys.log.map(parseVerifierKey) })
    expect(checkpoint).toMatchObject({ origin, size })
    expect(origin).toBe(`localhost/log/${keys.shard}`)
    expect((await get(`/log/${keys.shard}/checkpoint`, operatorToken)).text).toBe(note.text)
    expect(keys).toMatchObject({ origin, witnesses: [] })
  })

  test('is there for operators of any tenant, and for nobody else unless it is public', async () => {
    const { operatorToken, platformToken, resourceSecrets } = broker.running
    for (const path of ['/log/checkpoint', '/log/keys', '/log/tile/0/000', `/log/${origin.split('/')[2]}/checkpoint`]) {
      expect((await get(path)).status, path).toBe(401)
      expect((await get(path, resourceSecrets.pop)).status, path).toBe(403)
    }
    for (const token of [operatorToken, platformToken]) expect((await get('/log/checkpoint', token)).status).toBe(200)
    // This one has a database of its own, in which nothing was sealed.
    expect((await get(`/log/${origin.split('/')[2]}/checkpoint`, undefined, {}, open)).headers['cache-control']).toBe(
      'public, max-age=1',
    )
    expect((await get('/log/checkpoint', undefined, {}, open)).status).toBe(503)
  })

  test('is 503 where the broker was not told of tiles, 404 for a shard that is not there', async () => {
    const logs = new SealedLogs(undefined, broker.database.database.db)
    await expect(logs.tree()).rejects.toMatchObject({ code: 'log_not_sealed' })
    for (const shard of ['00000000-0000-4000-8000-000000000000', 'x', '..%2f..'])
      expect((await get(`/log/${shard}/checkpoint`, broker.running.operatorToken)).status).toBe(404)
  })
})

describe('GET /log/tile', () => {
  test.each([
    'tile/entries%2F',
    'tile/entries%2f',
    'tile/%65ntries/',
    'tile/%65ntries%2F',
    'tile%2Fentries%2F',
    'tile//entries/',
    'tile/./entries/',
    'tile/0/../entries/',
    'tile/0%2F..%2Fentries/',
  ])('gives no entries under another spelling: %s (attack 42)', async spelling => {
    const { operatorToken } = broker.running
    const name = tilePath('entries', 0, tileWidthAt(size, 0, 0)).replace('tile/entries/', spelling)
    const shard = origin.split('/')[2]
    for (const each of [name, name.replaceAll('/', '%2F')])
      for (const prefix of ['/log/', `/log/${shard}/`])
        expect((await get(`${prefix}${each}`, operatorToken)).status, `${prefix}${each}`).toBeGreaterThanOrEqual(400)
    expect((await get(`/log/${shard}/${name}`, undefined, {}, open)).status).toBeGreaterThanOrEqual(400)
  })
  test('gives the hashes of the entries, to be kept for ever', async () => {
    const { operatorToken } = broker.running
    const path = `/log/${tilePath(0, 0, tileWidthAt(size, 0, 0))}`
    const { headers } = await get(path, operatorToken)
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'private, max-age=31536000, immutable',
    })
    const leaves = (await readLog(broker.database.admin)).slice(0, size).map(({ leafText }) => leafHash(leafText))
    expect(await getBytes(path, operatorToken)).toEqual(Buffer.concat(leaves))
  })

  test('gives entries to who belongs to no tenant, compressed where that is taken, and records it once a minute (attack 42)', async () => {
    const { operatorToken, platformToken } = broker.running
    const path = `/log/${tilePath('entries', 0, tileWidthAt(size, 0, 0))}`
    expect((await get(path, operatorToken)).status).toBe(403)
    expect((await get(path, undefined, {}, open)).status).toBe(401)
    const plain = await getBytes(path, platformToken, { 'accept-encoding': 'identity' })
    const log = await readLog(broker.database.admin)
    expect(decodeBundle(plain).map(entry => entry.toString())).toEqual(log.slice(0, size).map(({ leafText }) => leafText))
    const compressed = await get(path, platformToken, { 'accept-encoding': 'br, gzip' })
    expect(compressed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect((await get(path, platformToken, { 'accept-encoding': 'gzip;q=0' })).headers).not.toHaveProperty('content-encoding')
    const readings = log.concat(await readLog(broker.database.admin, log.length)).filter(({ leaf }) => leaf.type === 'audit.read')
    expect(readings.map(({ body }) => body.operation)).toEqual(['GET /log/tile/entries'])
  })

  test('tells the log who asked for every tenant’s entries and may not, and how many were shown to who may', async () => {
    const { operatorToken, platformToken, v1 } = broker.running
    const name = tilePath('entries', 0, tileWidthAt(size, 0, 0))
    const made = await v1('POST', '/v1/operators', { name: 'curious', role: 'auditor' })
    for (const token of [made.body.token, operatorToken, platformToken]) await get(`/log/${name}`, token)
    const log = await readLog(broker.database.admin)
    const refused = log.filter(({ leaf }) => leaf.type === 'operator.refused').map(({ body }) => body)
    expect(refused).toContainEqual(expect.objectContaining({ actor: made.body.id, operation: 'GET /log/tile/entries/*' }))
    expect(refused).toContainEqual(expect.objectContaining({ actor_role: 'tenant-admin', operation: 'GET /log/tile/entries/*' }))
    expect(log.find(({ body }) => body?.operation === 'GET /log/tile/entries')!.body).toMatchObject({ entries: size })
  })

  test.each([
    '/log/tile/0/001',
    '/log/tile/0/000.p/256',
    '/log/tile/64/000',
    '/log/tile/0/0',
    '/log/tile/00/000',
    '/log/tile/0/000.p/01',
    '/log/tile/0/..%2f..%2fcheckpoint',
    '/log/tile/0/%2e%2e%2fcheckpoint',
    '/log/tile/0/x000/000',
    '/log/tile/',
  ])('answers 404 to %s', async path => {
    expect((await get(path, broker.running.platformToken)).status).toBe(404)
  })
})
