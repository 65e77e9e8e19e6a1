// Where the tiles are, as MAYFLY_LOG_TILES says: a folder, or `s3://bucket/prefix` with the usual variables of S3 clients.

import { type Environment, findSecret } from '#apps/process/read-secret.ts'
import { compressedBundles } from '#core/tlog/compressed-bundles.ts'
import type { SealStore } from '#core/tlog/tile-store.ts'
import { listDiskFolders, openDiskStore } from './disk-store.ts'
import { listS3Folders, openS3Store, type S3Settings } from './s3-store.ts'

export type TileStoreSettings = { readonly folder: string } | { readonly s3: S3Settings }

/** Undefined when nothing is said. What is wrong is added to `problems`. */
export function readTileStoreSettings(env: Environment, problems: string[]): TileStoreSettings | undefined {
  const place = env['MAYFLY_LOG_TILES']
  if (!place) return undefined
  if (!place.startsWith('s3:')) return { folder: place }
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9.-]{3,63})(?:\/(.*?))?\/?$/.exec(place) ?? []
  if (!bucket) problems.push('MAYFLY_LOG_TILES must be a folder or s3://bucket/prefix.')
  const region = env['MAYFLY_S3_REGION'] || env['AWS_REGION'] || 'us-east-1'
  const endpoint = env['MAYFLY_S3_ENDPOINT'] || `https://s3.${region}.amazonaws.com`
  if (!URL.canParse(endpoint)) problems.push('MAYFLY_S3_ENDPOINT must be a URL.')
  const accessKeyId = findSecret(env, 'AWS_ACCESS_KEY_ID', problems)
  const secretAccessKey = findSecret(env, 'AWS_SECRET_ACCESS_KEY', problems)
  if (!accessKeyId || !secretAccessKey)
    problems.push('MAYFLY_LOG_TILES names an object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE.')
  const sessionToken = findSecret(env, 'AWS_SESSION_TOKEN', problems)
  const keys = { accessKeyId: accessKeyId ?? '', secretAccessKey: secretAccessKey ?? '', sessionToken }
  return { s3: { bucket: bucket ?? '', prefix, endpoint, region, ...keys } }
}

/** Paths in it are `<shard>/checkpoint` and `<shard>/tile/…`; bundles come out as they went in, though they are kept compressed. */
export function openTileStore(settings: TileStoreSettings): SealStore {
  return compressedBundles('folder' in settings ? openDiskStore(settings.folder) : openS3Store(settings.s3))
}

/** The names of its first folders: shards, and whatever else somebody has put there. Rejects when the store cannot be asked. */
export const listShards = (settings: TileStoreSettings): Promise<string[]> =>
  'folder' in settings ? listDiskFolders(settings.folder) : listS3Folders(settings.s3)
