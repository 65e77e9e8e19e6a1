// Disk and S3 keep what a sealer relies on: whole files or none, and of several who create one name exactly one.

import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDiskStore } from '#apps/process/tiles/disk-store.ts'
import { listShards, openTileStore, readTileStoreSettings } from '#apps/process/tiles/open-tile-store.ts'
import { openS3Store } from '#apps/process/tiles/s3-store.ts'
import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import type { SealStore } from '#core/tlog/tile-store.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'

const keys = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER', region: 'us-east-1', bucket: 'tiles' }

let folder: string
let s3: Server
let endpoint: string
/** Statuses that the object store answers before it does its work. */
const failures: number[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mayfly-tiles-'))
  const s3rver = new S3rver({ directory: join(folder, 's3'), silent: true, configureBuckets: [{ name: 'tiles', configs: [] }] })
  await s3rver.configureBuckets()
  s3 = createServer(withConditionalWrites(s3rver.callback()))
  await new Promise<void>(resolve => s3.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(s3.address() as AddressInfo).port}`
})
afterAll(async () => {
  await new Promise(resolve => s3.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

/** The server in process knows no conditional writes, which S3 has had since 2024; this adds them, one request a name at a time. */
function withConditionalWrites(handle: ReturnType<S3rver['callback']>): ReturnType<S3rver['callback']> {
  const taken = new Set<string>()
  return (request, response) => {
    const failure = failures.shift()
    if (failure !== undefined) return void response.writeHead(failure).end()
    const { url = '', method } = request
    if (method === 'PUT' && request.headers['if-none-match'] === '*') {
      if (taken.has(url)) return void request.resume().on('end', () => response.writeHead(412).end())
      taken.add(url)
    }
    if (method === 'DELETE') taken.delete(url)
    return handle(request, response)
  }
}

const stores: readonly [string, () => SealStore][] = [
  ['disk', () => openDiskStore(join(folder, 'disk'))],
  ['S3', () => openS3Store({ ...keys, prefix: 'log', endpoint })],
]

test.each(['disk', 'S3'])(
  'on %s the logs that lie there are named, and none in a store that is empty or not there',
  async kind => {
    const settings = (prefix: string) =>
      kind === 'S3' ? { s3: { ...keys, prefix, endpoint } } : { folder: join(folder, 'listed', prefix) }
    expect(await listShards(settings('nothing'))).toEqual([])
    const names = ['0198c0ff-ee00-4708-8000-0000000000aa', '0198c0ff-ee00-4708-8000-0000000000bb']
    for (const name of names) await openTileStore(settings('logs')).write(`${name}/checkpoint`, Buffer.of(1))
    await openTileStore(settings('logs')).write(`${names[0]}/tile/0/000.p/1`, Buffer.of(1))
    await openTileStore(settings('logs-of-others')).write('else/checkpoint', Buffer.of(1))
    expect((await listShards(settings('logs'))).toSorted()).toEqual(names)
  },
)

test('an object store that does not answer the list of its logs is an error', async () => {
  failures.push(500, 500, 500)
  await expect(listShards({ s3: { ...keys, prefix: 'logs', endpoint } })).rejects.toThrow('answered 500')
})

describe.each(stores)('%s', (name, open) => {
  test('gives back what was written, also to another process, and nothing where nothing is', async () => {
    const bytes = Buffer.from([0, 1, 255, 10, 13])
    await open().write(`${name}/tile/0/x001/000.p/3`, bytes)
    expect(await open().read(`${name}/tile/0/x001/000.p/3`)).toEqual(bytes)
    expect(await open().read(`${name}/tile/0/x001/000`)).toBeUndefined()
    expect(await open().read(`${name}/checkpoint`)).toBeUndefined()
    await open().write(`${name}/tile/0/x001/000.p/3`, Buffer.of(7))
    expect(await open().read(`${name}/tile/0/x001/000.p/3`)).toEqual(Buffer.of(7))
  })

  test('of many who create one name exactly one succeeds, and what it wrote stays', async () => {
    const tries = Array.from({ length: 12 }, (_, at) => open().create(`${name}/next/5`, Buffer.from(`${at}`)))
    const done = await Promise.all(tries)
    expect(done.filter(Boolean)).toHaveLength(1)
    expect((await open().read(`${name}/next/5`))?.toString()).toBe(`${done.indexOf(true)}`)
    expect(await open().create(`${name}/next/5`, Buffer.from('late'))).toBe(false)
  })

  test('what was removed can be created again, and removing nothing is harmless', async () => {
    const store = open()
    await store.write(`${name}/a/b`, Buffer.of(1))
    await store.remove(`${name}/a/b`)
    await store.remove(`${name}/a/b`)
    expect(await store.read(`${name}/a/b`)).toBeUndefined()
    expect(await store.create(`${name}/a/c`, Buffer.of(2))).toBe(true)
  })

  test.each(['../x', '/etc/passwd', 'a/../../x', 'a\0b', 'a/.hidden'])('has no path %j', async path => {
    for (const work of [
      (s: SealStore) => s.read(path),
      (s: SealStore) => s.write(path, Buffer.of(1)),
      (s: SealStore) => s.create(path, Buffer.of(1)),
    ])
      await expect(async () => work(open())).rejects.toThrow(TlogError)
  })
})

describe('disk', () => {
  test('leaves no draft behind, not even after a failure', async () => {
    const store = openDiskStore(join(folder, 'drafts'))
    await store.write('a/b', Buffer.of(1))
    await store.create('a/b', Buffer.of(2))
    await writeFile(join(folder, 'drafts', 'file'), 'x')
    await expect(store.write('file/below', Buffer.of(1))).rejects.toThrow()
    expect(await readdir(join(folder, 'drafts', 'a'))).toEqual(['b'])
  })

  test('writes again into a folder that somebody has taken away', async () => {
    const store = openDiskStore(join(folder, 'gone'))
    await store.write('a/b', Buffer.of(1))
    await rm(join(folder, 'gone'), { recursive: true })
    await expect(store.write('a/b', Buffer.of(2))).rejects.toThrow()
    await store.write('a/b', Buffer.of(2))
    expect(await store.read('a/b')).toEqual(Buffer.of(2))
  })

  test('a link in the place of a file is replaced, not followed', async () => {
    const store = openDiskStore(join(folder, 'links'))
    await store.write('checkpoint', Buffer.of(1))
    await writeFile(join(folder, 'victim'), 'safe')
    await rm(join(folder, 'links', 'checkpoint'))
    await symlink(join(folder, 'victim'), join(folder, 'links', 'checkpoint'))
    await store.write('checkpoint', Buffer.of(2))
    expect(await openDiskStore(folder).read('victim')).toEqual(Buffer.from('safe'))
  })
})

describe('S3', () => {
  const store = (): SealStore => openS3Store({ ...keys, prefix: '', endpoint })

  test('is asked again after a failure, a few times', async () => {
    failures.push(500, 503)
    await store().write('again', Buffer.of(1))
    failures.push(503)
    expect(await store().read('again')).toEqual(Buffer.of(1))
    failures.push(500, 500, 500)
    await expect(store().read('again')).rejects.toThrow('500')
  })

  test('a write that arrived though its answer did not counts as made', async () => {
    await store().write('mine', Buffer.from('mine'))
    failures.push(500, 412)
    expect(await store().create('mine', Buffer.from('mine'))).toBe(true)
    failures.push(412)
    expect(await store().create('mine', Buffer.from('other'))).toBe(false)
  })

  test('a key that the store does not know is an error, not an empty store', async () => {
    const wrong = openS3Store({ ...keys, accessKeyId: 'wrong', prefix: '', endpoint })
    await expect(wrong.read('again')).rejects.toThrow('403')
    await expect(wrong.write('again', Buffer.of(1))).rejects.toThrow('403')
  })
})

test('full bundles are kept compressed and come out as they went in; hash tiles are kept as they are', async () => {
  const store = openTileStore({ folder: join(folder, 'packed') })
  const plain = openDiskStore(join(folder, 'packed'))
  const bundle = encodeBundle(Array.from({ length: 256 }, (_, at) => Buffer.from(`{"id":"${at}","type":"token.issued","v":1}`)))
  for (const path of ['s/tile/entries/x001/000', 's/tile/entries/000.p/7', 's/tile/0/000']) await store.write(path, bundle)
  for (const path of ['s/tile/entries/x001/000', 's/tile/entries/000.p/7', 's/tile/0/000'])
    expect(await store.read(path)).toEqual(bundle)
  expect((await plain.read('s/tile/entries/x001/000'))!.length).toBeLessThan(bundle.length / 3)
  expect(await plain.read('s/tile/entries/000.p/7')).toEqual(bundle)
  expect(await plain.read('s/tile/0/000')).toEqual(bundle)
})

describe('settings', () => {
  const read = (env: Record<string, string>) => {
    const problems: string[] = []
    return { settings: readTileStoreSettings(env, problems), problems }
  }

  test('name a folder, or a bucket with its keys', () => {
    expect(read({})).toEqual({ settings: undefined, problems: [] })
    expect(read({ MAYFLY_LOG_TILES: '/log/tiles' }).settings).toEqual({ folder: '/log/tiles' })
    const s3Env = {
      MAYFLY_LOG_TILES: 's3://bucket/a/b/',
      AWS_ACCESS_KEY_ID: 'k',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_REGION: 'eu-north-1',
    }
    expect(read(s3Env)).toMatchObject({
      settings: {
        s3: { bucket: 'bucket', prefix: 'a/b', region: 'eu-north-1', endpoint: 'https://s3.eu-north-1.amazonaws.com' },
      },
      problems: [],
    })
  })

  test.each([
    [{ MAYFLY_LOG_TILES: 's3://bucket' }, 'AWS_ACCESS_KEY_ID'],
    [{ MAYFLY_LOG_TILES: 's3:bucket', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's' }, 's3://bucket/prefix'],
    [
      { MAYFLY_LOG_TILES: 's3://bucket', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', MAYFLY_S3_ENDPOINT: 'minio' },
      'MAYFLY_S3_ENDPOINT',
    ],
  ])('that cannot work are told: %j', (env, word) => {
    expect(read(env).problems.join()).toContain(word)
  })
})
