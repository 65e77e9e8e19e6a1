import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyConsistency } from '#core/tlog/proof.ts'
import { tileWidthAt } from '#core/tlog/read-tiles.ts'
import { tilePath } from '#core/tlog/tile-path.ts'
import { parseTlogProof, verifyCheckpoint, verifyTlogProof } from '#core/tlog/tlog-proof.ts'
import { findAddCheckpoint } from '#core/witness/add-checkpoint.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { createOtherTenant, type OtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
let other: OtherTenant
let claims: Record<string, string> = {}
const seal = () => sealer.seal(broker.database.database.sql)
const v1 = (path: string, token?: string) => broker.running.v1('GET', path, undefined, token)
const fromBase64 = (text: string) => Buffer.from(text, 'base64')

beforeAll(async () => {
  other = await createOtherTenant(broker.running, 'other')
  const { running } = broker
  const { body } = await running.token(running.form(), running.certificate)
  claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
  await seal()
})
afterAll(() => sealer.close())

describe('GET /v1/audit/{entry}/proof', () => {
  test('proves a token’s issuance by its jti; the leaf is the token’s receipt', async () => {
    const { status, body } = await v1(`/v1/audit/${claims['jti']}/proof`)
    expect(status).toBe(200)
    expect(body.leaf_hash).toBe(claims['evt'])
    const { key } = await seal()
    const proof = parseTlogProof(body.proof)
    expect(proof.extra?.toString()).toBe(body.entry)
    expect(JSON.parse(body.entry)).toMatchObject({ type: 'token.issued', token: claims['jti'] })
    const proven = verifyTlogProof(proof, { hash: Buffer.from(claims['evt']!, 'base64url') }, { logKeys: [key] })
    expect(proven.index).toBe(body.position)
    expect(body).toMatchObject({ size: proven.checkpoint.size, root: proven.checkpoint.root.toString('base64') })
  })

  test('finds the entry by its position and by its id as well, and is text for who wants it', async () => {
    const { body } = await v1(`/v1/audit/${claims['jti']}/proof`)
    const { id } = JSON.parse(body.entry)
    expect((await v1(`/v1/audit/${id}/proof`)).body).toEqual(body)
    expect((await v1(`/v1/audit/${body.position}/proof`)).body).toEqual(body)
    const text = await v1(`/v1/audit/${body.position}/proof?format=text`)
    expect(text).toMatchObject({ status: 200, text: body.proof, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  })

  test('is for the tenant’s own entries: of others it says no more than of what is not there (attack 42)', async () => {
    const { body } = await v1(`/v1/audit/${claims['jti']}/proof`)
    const { id } = JSON.parse(body.entry)
    const missing = await v1('/v1/audit/01999999-9999-7999-8999-999999999999/proof')
    expect(missing.status).toBe(404)
    for (const name of [claims['jti'], id, body.position]) {
      const answer = await v1(`/v1/audit/${name}/proof`, other.token)
      expect({ ...answer.body, instance: '' }).toEqual({ ...missing.body, instance: '' })
    }
    // What belongs to no tenant is for who belongs to none.
    expect((await v1('/v1/audit/0/proof', broker.running.platformToken)).status).toBe(200)
  })

  test('tells no other tenant that an entry waits to be sealed (attack 42)', async () => {
    const { running } = broker
    const { body } = await running.token(running.form(), running.certificate)
    const { jti } = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
    const { leaf } = (await readLog(broker.database.admin)).findLast(entry => entry.leaf.token === jti)!
    for (const name of [jti, leaf.id]) {
      expect((await v1(`/v1/audit/${name}/proof`)).body.type).toBe('urn:mayfly:error:entry_not_sealed')
      expect((await v1(`/v1/audit/${name}/proof`, other.token)).body.type).toBe('urn:mayfly:error:not_found')
    }
  })

  test('wants a credential of an operator who may read', async () => {
    const { running, https } = broker
    expect((await https.send(`${running.issuer}/v1/audit/0/proof`)).status).toBe(401)
    expect((await v1('/v1/audit/0/proof', running.resourceSecrets.pop)).status).toBe(403)
    const orchestrator = await running.v1('POST', '/v1/operators', { name: 'runs', role: 'orchestrator' })
    expect((await v1('/v1/audit/0/proof', orchestrator.body.token)).status).toBe(403)
    const auditor = await running.v1('POST', '/v1/operators', { name: 'reads', role: 'auditor' })
    expect((await v1(`/v1/audit/${claims['jti']}/proof`, auditor.body.token)).status).toBe(200)
  })

  test('says of an entry that is not sealed yet to ask again, and refuses names that are none', async () => {
    const { headers, status, body } = await v1('/v1/audit/999999/proof')
    expect({ status, type: body.type }).toEqual({ status: 404, type: 'urn:mayfly:error:entry_not_sealed' })
    expect(headers['retry-after']).toBe('1')
    for (const name of ['-1', '00', 'at_1', 'x', '1.5']) expect((await v1(`/v1/audit/${name}/proof`)).status).toBe(400)
  })

  test('is recorded in the log of the tenant whose entry it is, by whoever asked', async () => {
    const { body } = await v1(`/v1/audit/${claims['jti']}/proof`, broker.running.platformToken)
    const log = await readLog(broker.database.admin)
    const reading = log.findLast(({ leaf }) => leaf.type === 'audit.read')!
    expect(reading.leaf.tenant).toBe(log[body.position]!.leaf.tenant)
    expect(reading.body).toMatchObject({ operation: 'GET /v1/audit/:entry/proof', actor_role: 'platform-admin' })
  })

  test('shows an entry as it was sealed, though somebody edited the row since', async () => {
    const { body } = await v1(`/v1/audit/${claims['jti']}/proof`)
    const { admin } = broker.database
    await admin`alter table log.entry disable trigger all`
    await admin`update log.entry set leaf = replace(leaf, '"v":1', '"v":2') where position = ${body.position}`
    expect((await v1(`/v1/audit/${body.position}/proof`)).body.entry).toBe(body.entry)
    await admin`update log.entry set leaf = replace(leaf, '"v":2', '"v":1') where position = ${body.position}`
    await admin`alter table log.entry enable trigger all`
  })
})

describe('GET /v1/audit/consistency', () => {
  test('relates an older size to the newest checkpoint', async () => {
    const before = await seal()
    await broker.running.v1('POST', '/v1/operators', { name: 'one more', role: 'auditor' })
    const { key, size } = await seal()
    expect(size).toBeGreaterThan(before.size)
    const { body } = await v1(`/v1/audit/consistency?from=${before.size}`)
    const claim = { from: body.from, to: body.to, fromRoot: fromBase64(body.from_root), toRoot: fromBase64(body.to_root) }
    expect(verifyConsistency({ ...claim, path: body.path.map(fromBase64) })).toBe(true)
    const { checkpoint } = verifyCheckpoint(body.checkpoint, { logKeys: [key] })
    expect(checkpoint).toMatchObject({ size: body.to, root: claim.toRoot })
    const text = await v1(`/v1/audit/consistency?from=${before.size}&format=text`)
    expect(findAddCheckpoint(text.text)).toMatchObject({ oldSize: before.size, checkpoint: body.checkpoint })
  })

  test('relates two older ones, and refuses what cannot be related', async () => {
    const { body } = await v1('/v1/audit/consistency?from=2&to=5')
    const claim = { from: 2, to: 5, fromRoot: fromBase64(body.from_root), toRoot: fromBase64(body.to_root) }
    expect(verifyConsistency({ ...claim, path: body.path.map(fromBase64) })).toBe(true)
    expect((await v1('/v1/audit/consistency?from=5&to=2')).status).toBe(400)
    expect((await v1('/v1/audit/consistency?from=2&to=5&format=text')).status).toBe(400)
    expect((await v1('/v1/audit/consistency')).status).toBe(400)
    expect((await v1('/v1/audit/consistency?from=-1')).status).toBe(400)
    expect((await v1('/v1/audit/consistency?from=1&to=999999')).body.type).toBe('urn:mayfly:error:entry_not_sealed')
    expect((await v1('/v1/audit/consistency?from=1', other.token)).status).toBe(200)
  })
})

test('tiles that were changed prove nothing', async () => {
  await broker.running.v1('POST', '/v1/operators', { name: 'last', role: 'auditor' })
  const { size, shard } = await seal()
  const file = join(sealer.folder, shard, tilePath(0, 0, tileWidthAt(size, 0, 0)))
  const bytes = readFileSync(file)
  bytes[0]! ^= 1
  writeFileSync(file, bytes)
  for (const path of ['1/proof', `consistency?from=2`]) {
    const { status, body } = await v1(`/v1/audit/${path}`, broker.running.platformToken)
    expect({ status, type: body.type }).toEqual({ status: 500, type: 'urn:mayfly:error:log_inconsistent' })
  }
})
