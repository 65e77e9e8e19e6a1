import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatId } from '#core/ids/id.ts'
import { leafHash } from '#core/tlog/hash.ts'
import { parseVerifierKey } from '#core/tlog/note.ts'
import { verifyInclusion } from '#core/tlog/proof.ts'
import { verifyCheckpoint } from '#core/tlog/tlog-proof.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { createOtherTenant, type OtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
let other: OtherTenant
let size = 0
afterAll(() => sealer.close())

const get = (path: string, token?: string) =>
  broker.https.send(`${broker.running.issuer}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
const entries = (query: string, token?: string) => get(`/v1/audit/entries?${query}`, token)
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

beforeAll(async () => {
  other = await createOtherTenant(broker.running, 'other')
  size = (await sealer.seal(broker.database.database.sql)).size
})

describe('GET /v1/audit/entries', () => {
  test('gives a platform-admin every entry as it stands, with the body that it commits to', async () => {
    const { text, headers } = await entries(`from=0&to=${size}`, broker.running.platformToken)
    expect(headers).toMatchObject({ 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' })
    const stored = (await readLog(broker.database.admin)).slice(0, size)
    expect(linesOf(text).map(({ position, leaf }) => [position, leaf])).toEqual(
      stored.map(({ position, leafText }) => [position, leafText]),
    )
    expect(linesOf(text).map(({ body }) => JSON.parse(body))).toEqual(stored.map(({ body }) => body))
  })

  test('gives a tenant its own entries alone, each with a proof up to the checkpoint that it names', async () => {
    const { body: keys } = await get('/log/keys', other.token)
    const note = (await get('/log/checkpoint', other.token)).text
    const { checkpoint } = verifyCheckpoint(note, { logKeys: keys.log.map(parseVerifierKey) })
    const { text } = await entries(`from=0&to=${checkpoint.size}&size=${checkpoint.size}`, other.token)
    const lines = linesOf(text)
    expect(lines.length).toBeGreaterThan(0)
    for (const { position, leaf, proof } of lines) {
      expect(formatId('tenant', JSON.parse(leaf).tenant)).toBe(other.id)
      const path = proof.map((hash: string) => Buffer.from(hash, 'base64'))
      expect(verifyInclusion({ index: position, size: checkpoint.size, leaf: leafHash(leaf), path, root: checkpoint.root })).toBe(
        true,
      )
    }
  })

  test('refuses a tenant another tenant’s entries, and strangers all', async () => {
    expect((await entries('from=0&to=9')).status).toBe(401)
    expect((await entries('from=0&to=9', broker.running.resourceSecrets.pop)).status).toBe(403)
    expect((await entries(`from=0&to=9&tenant=${other.id}`, broker.running.operatorToken)).status).toBe(403)
    const named = await entries(`from=0&to=${size}&tenant=${other.id}`, broker.running.platformToken)
    expect(linesOf(named.text).every(({ leaf }) => formatId('tenant', JSON.parse(leaf).tenant) === other.id)).toBe(true)
  })

  test.each([
    'from=0',
    'from=2&to=1',
    'from=0&to=2049',
    'from=-1&to=1',
    'from=0&to=9&size=3',
    'from=0&to=1&format=xml',
    'from=a&to=b',
  ])('refuses %s', async query => {
    expect((await entries(query, broker.running.platformToken)).status).toBe(400)
  })

  test('proves nothing for a size that is not sealed', async () => {
    expect((await entries(`from=0&to=9&size=${size + 1_000}`, broker.running.operatorToken)).status).toBe(400)
  })

  test('is recorded where it was read, once for all calls of an export', async () => {
    const exported = async () => {
      const all = await readLog(broker.database.admin)
      return all
        .filter(({ leaf }) => leaf.type === 'audit.exported')
        .map(({ leaf, body }) => [leaf.tenant !== undefined, body.from, body.to])
    }
    const before = await exported()
    await entries(`from=0&to=2&size=${size - 1}&format=csv`, other.token)
    await entries(`from=2&to=4&size=${size - 1}&format=csv`, other.token)
    expect(await exported()).toEqual([...before, [true, 0, size - 1]])
  })

  test('is not told of beforehand: entries that come later are another export', async () => {
    const token = broker.running.platformToken
    const exported = async () =>
      (await readLog(broker.database.admin)).flatMap(({ leaf, body }) =>
        leaf.type === 'audit.exported' && body.format === 'ocsf' ? [body.to] : [],
      )
    const { length } = await readLog(broker.database.admin)
    await entries('from=0&to=1&size=999999999&format=ocsf', token)
    expect(await exported()).toEqual([length])
    await entries(`from=0&to=${length + 1}&size=999999999&format=ocsf`, token)
    expect((await exported()).length).toBe(2)
  })
})
