// Tiles in an S3-compatible store. Requests are signed by aws4fetch (Signature Version 4) and sent by Node's own fetch. `create` is a
// conditional write (If-None-Match: *), which S3, MinIO, R2 and others keep; a store that ignores it must not be used by two sealers.

import { AwsClient } from 'aws4fetch'
import { checkStorePath, type SealStore } from '#core/tlog/tile-store.ts'

export interface S3Settings {
  readonly bucket: string
  /** Before every key; '' for none. */
  readonly prefix: string
  /** Such as https://s3.eu-central-1.amazonaws.com or http://minio:9000; the bucket goes into the path. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

const tries = 3
const withinMs = 10_000

export function openS3Store(settings: S3Settings): SealStore {
  const send = createSender(settings)
  const done = async (response: Response): Promise<Response> => {
    await response.arrayBuffer()
    return response
  }
  const read = async (path: string): Promise<Buffer | undefined> => {
    const response = await send(pathIn(settings, path), { method: 'GET' }, [200, 404])
    const bytes = Buffer.from(await response.arrayBuffer())
    return response.status === 200 ? bytes : undefined
  }
  const put = (bytes: Uint8Array, headers: Record<string, string> = {}): RequestInit => ({
    method: 'PUT',
    body: new Uint8Array(bytes),
    headers: { 'content-type': 'application/octet-stream', ...headers },
  })
  return {
    read,
    async write(path, bytes) {
      await done(await send(pathIn(settings, path), put(bytes), [200]))
    },
    async create(path, bytes) {
      const { status } = await done(await send(pathIn(settings, path), put(bytes, { 'if-none-match': '*' }), [200, 409, 412]))
      if (status === 200) return true
      // A first try may have arrived though its answer did not: what stands there says whose it is.
      return (await read(path))?.equals(bytes) ?? false
    },
    async remove(path) {
      await done(await send(pathIn(settings, path), { method: 'DELETE' }, [200, 204, 404]))
    },
  }
}

/** Names of the folders directly below the prefix. Rejects when the store cannot be asked. */
export async function listS3Folders(settings: S3Settings): Promise<string[]> {
  const send = createSender(settings)
  const prefix = settings.prefix === '' ? '' : `${settings.prefix}/`
  const names: string[] = []
  let token: string | undefined
  do {
    const query = new URLSearchParams({
      'list-type': '2',
      delimiter: '/',
      ...(prefix && { prefix }),
      ...(token && { 'continuation-token': token }),
    })
    const answer = await (await send(`?${query}`, { method: 'GET' }, [200])).text()
    // The names of shards are uuids: nothing in them is escaped in XML.
    for (const [, found] of answer.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]*)\/<\/Prefix>/g))
      names.push(found!.slice(prefix.length))
    token = /<NextContinuationToken>([^<]+)</.exec(answer)?.[1]
  } while (token)
  return names
}

type Send = (path: string, init: RequestInit, expected: readonly number[]) => Promise<Response>

/** Sends to the bucket; resolves to an expected answer. path: below the bucket, with or without a query. */
function createSender({ accessKeyId, secretAccessKey, sessionToken, region, endpoint, bucket }: S3Settings): Send {
  // What is retried is decided here, since a `create` that was done and not heard of must be told from one that was refused.
  const signer = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: 's3', retries: 0 })
  const base = `${endpoint.replace(/\/+$/, '')}/${bucket}`
  return async (path, init, expected) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const request = await signer.sign(`${base}${path}`, init)
        const response = await fetch(request, { signal: AbortSignal.timeout(withinMs), redirect: 'error' })
        if (expected.includes(response.status)) return response
        await response.body?.cancel()
        throw new Error(`The object store answered ${response.status} to ${init.method} of ${path.replace(/\?.*/, '')}`)
      } catch (error) {
        if (attempt === tries) throw error
        await new Promise(resolve => setTimeout(resolve, 50 * 2 ** attempt).unref())
      }
    }
  }
}

function pathIn({ prefix }: S3Settings, path: string): string {
  checkStorePath(path)
  return ['', prefix, path].filter((part, at) => at === 0 || part !== '').join('/')
}
