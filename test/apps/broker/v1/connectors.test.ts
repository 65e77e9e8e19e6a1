import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccountCredentials, openerOfCredential } from '#core/account/account-credential.ts'
import { attach } from '#core/connector/attach.ts'
import { parseHolderKey } from '#core/connector/seal-access.ts'
import { newUuid, parseId } from '#core/ids/id.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import { storeCeiling } from '#db/registry/ceilings.ts'
import { openAccount } from '#test/setup/accounts.ts'
import { tendAll } from '#test/setup/outside.ts'
import { bootstrap, type Management, type Operators, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

const call = (method: string, path: string, body?: unknown, token: string | undefined = who.tenantAdmin) =>
  api.call(method, path, token, body)
const postgres = (changes = {}) => ({
  name: `db-${randomUUID()}`,
  kind: 'postgres',
  scope: 'db:use',
  config: { host: 'db.example', database: 'orders', user: 'connector' },
  admin: { password: 'canary-admin-password' },
  ...changes,
})
const webhook = (changes = {}) => ({
  name: `hook-${randomUUID()}`,
  kind: 'webhook',
  scope: 'db:use',
  config: { url: 'https://hooks.example/make' },
  ...changes,
})

describe('a connector', () => {
  test('is registered with what it signs in with, which never comes out again', async () => {
    const { status, body, text, headers } = await call('POST', '/v1/connectors', postgres())
    expect(status, text).toBe(201)
    expect(headers['location']).toBe(`/v1/connectors/${body.id}`)
    expect(body).toMatchObject({
      kind: 'postgres',
      scope: 'db:use',
      data: { keep_seconds: 0 },
      config: { host: 'db.example', port: 5432, tls: 'verify', connection_limit: 5, member_of: [] },
    })
    const answers = [text, (await call('GET', `/v1/connectors/${body.id}`)).text, (await call('GET', '/v1/connectors')).text]
    const [row] =
      await api.admin`select c::text as t, admin_sealed from mayfly.connector c where id = ${parseId('connector', body.id)!}`
    expect([...answers, row!['t'], row!['admin_sealed'].toString(), ...api.logLines].join()).not.toContain('canary-admin')
  })

  test('of a service of one’s own comes with the secret that its calls are signed with, once', async () => {
    const { body } = await call('POST', '/v1/connectors', webhook())
    expect(body.signing_secret).toMatch(/^whsec_/)
    expect((await call('GET', `/v1/connectors/${body.id}`)).text).not.toContain('whsec')
    const signed = await call(
      'POST',
      '/v1/connectors',
      webhook({ config: { url: 'https://hooks.example/x', signature: 'ed25519' } }),
    )
    expect(signed.body.signing_secret).toMatch(/^whpk_/)
  })

  test.each([
    ['no kind', { kind: undefined }],
    ['another kind', { kind: 'ftp' }],
    ['no admin', { admin: undefined }],
    ['a member too many', { config: { host: 'db.example', database: 'orders', user: 'connector', sslmode: 'off' } }],
    ['a URL for a host', { config: { host: 'https://db.example', database: 'orders', user: 'connector' } }],
    ['an address in an odd spelling', { config: { host: '0x7f.1', database: 'orders', user: 'connector' } }],
    [
      'a role of the server itself',
      { config: { host: 'db.example', database: 'o', user: 'c', member_of: ['pg_read_server_files'] } },
    ],
    ['a scope with a space', { scope: 'db use' }],
    ['data kept for ever', { data: { keep_seconds: 10 ** 9 } }],
  ])('with %s is not registered', async (_, changes) => {
    const { status, body, text } = await call('POST', '/v1/connectors', postgres(changes))
    expect([status, body?.type], text).toEqual([400, 'urn:mayfly:error:validation_failed'])
  })
  test.each(['http://hooks.example/', 'https://user:pw@hooks.example/', 'hooks.example'])(
    'at %s is not registered',
    async url => {
      expect((await call('POST', '/v1/connectors', webhook({ config: { url } }))).status).toBe(400)
    },
  )

  test('is the business of the admins of its tenant alone', async () => {
    const { body } = await call('POST', '/v1/connectors', postgres())
    expect((await api.call('GET', '/v1/connectors')).status).toBe(401)
    for (const token of [who.auditor, who.platformAdmin])
      expect((await call('POST', '/v1/connectors', postgres(), token)).status).toBe(403)
    expect((await call('GET', `/v1/connectors/${body.id}`, undefined, who.auditor)).status).toBe(200)
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(
        (await call(method, `/v1/connectors/${body.id}`, method === 'PUT' ? postgres() : undefined, who.otherAdmin)).status,
      ).toBe(404)
  })

  test('that is moved asks for its credentials anew: they are never sent to a place that they were not given for', async () => {
    const { body } = await call('POST', '/v1/connectors', postgres())
    const moved = { ...postgres(), config: { host: 'thief.example', database: 'orders', user: 'connector' } }
    const refused = await call('PUT', `/v1/connectors/${body.id}`, { ...moved, admin: undefined })
    expect([refused.status, refused.body.errors?.[0]?.pointer], refused.text).toEqual([400, '/admin'])
    expect((await call('PUT', `/v1/connectors/${body.id}`, moved)).status).toBe(200)
    expect((await call('PUT', `/v1/connectors/${body.id}`, { ...moved, name: 'renamed', admin: undefined })).body.name).toBe(
      'renamed',
    )
    expect((await call('PUT', `/v1/connectors/${body.id}`, webhook())).status).toBe(400)
  })

  test('cannot be moved or removed while something that it made is still there', async () => {
    const { body } = await call('POST', '/v1/connectors', postgres())
    const account = await attached(body.id)
    expect((await call('DELETE', `/v1/connectors/${body.id}`)).status).toBe(409)
    const moved = postgres({ config: { host: 'other.example', database: 'orders', user: 'connector' } })
    expect((await call('PUT', `/v1/connectors/${body.id}`, moved)).status).toBe(409)
    const list = await call('GET', `/v1/accounts/${account}/attachments`)
    const ended = await call('DELETE', `/v1/accounts/${account}/attachments/${list.body.items[0].id}`)
    expect([ended.status, ended.body?.state, ended.body?.ended_by], ended.text).toEqual([200, 'tearing_down', 'detached'])
    expect(await tendAll(api, api.attachments)).toEqual(['gone'])
    const [gone] = (await call('GET', `/v1/accounts/${account}/attachments`)).body.items
    expect(gone).toMatchObject({ state: 'torn_down', destroyed: [{ what: 'thing', count: 1 }], receipt: expect.any(String) })
    expect((await call('DELETE', `/v1/connectors/${body.id}`)).status).toBe(204)
  })
})

/** An account to which the connector was attached; its wire id. */
async function attached(connector: string): Promise<string> {
  const tenantId = parseId('tenant', who.tenant)!
  const account = await openWith('db:use')
  await attach(api.attachments, {
    ...{ tenantId, accountId: account, generation: undefined },
    ...{ connectorId: parseId('connector', connector)!, facts: {} },
  })
  return `acct_${account.replaceAll('-', '')}`
}

/** key: that it was opened ahead for; null: for the first that comes; undefined: an agent opened it for itself. */
async function openWith(scope: string, key?: BoundKey | null): Promise<string> {
  const text = JSON.stringify({ details: [], scopes: [scope] })
  const ceiling = String(await storeCeiling(api.database.db, Buffer.from(randomUUID()), text))
  const id = newUuid()
  const opener = key !== undefined && { opener: openerOfCredential(createAccountCredentials(api.kek)(id), key ?? undefined) }
  return (await openAccount(api.database.sql, parseId('tenant', who.tenant)!, { id, ceiling, ...opener })).id
}

describe('attaching for somebody else', () => {
  const jwkOf = async () => {
    const { generateKeyPair, exportJWK } = await import('jose')
    const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
    return { jwk: await exportJWK(publicKey), secretJwk: await exportJWK(privateKey), privateKey }
  }

  test('gives access encrypted to the holder’s key, which alone reads it', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const account = `acct_${(await openWith('db:use', null)).replaceAll('-', '')}`
    const { jwk, privateKey } = await jwkOf()
    const path = `/v1/accounts/${account}/attachments`
    const { status, body, text } = await call('POST', path, { connector: connector.name, holder_key: jwk })
    expect(status, text).toBe(201)
    expect(body).toMatchObject({ connector: connector.id, state: 'active', rotation: 1 })
    expect(body.access).toBeUndefined()
    const { compactDecrypt } = await import('jose')
    const { plaintext } = await compactDecrypt(body.access_jwe, privateKey)
    const { secret } = JSON.parse(Buffer.from(plaintext).toString())
    expect(api.world.opens(secret)).toBe(true)
    expect(text).not.toContain(secret)
  })

  test('gives nobody access to what is an agent’s own, another key’s, or claimed', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const { jwk: holder_key } = await jwkOf()
    const claimed = await openWith('db:use', null)
    await api.admin`update mayfly.account set state = 'c', readmitted = true, deadline = 'infinity' where id = ${claimed}`
    const others = await openWith('db:use', { kind: 'jkt', thumbprint: 'A'.repeat(43) })
    for (const account of [await openWith('db:use'), others, claimed]) {
      const path = `/v1/accounts/acct_${account.replaceAll('-', '')}/attachments`
      const { status, body, text } = await call('POST', path, { connector: connector.id, holder_key })
      expect([status, body.errors?.[0]?.pointer, body.access_jwe], text).toEqual([400, '/holder_key', undefined])
    }
    expect(
      await api.admin`select from mayfly.attachment where connector_id = ${parseId('connector', connector.id)!}`,
    ).toHaveLength(0)
  })

  test('for a key that the account was opened for gives it to that', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const { jwk: holder_key } = await jwkOf()
    const { thumbprint } = parseHolderKey({ ...holder_key }, '')
    const account = await openWith('db:use', { kind: 'jkt', thumbprint })
    const path = `/v1/accounts/acct_${account.replaceAll('-', '')}/attachments`
    const { status, body, text } = await call('POST', path, { connector: connector.id, holder_key })
    expect([status, typeof body.access_jwe], text).toEqual([201, 'string'])
  })

  test('without a key gives it to nobody', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const account = `acct_${(await openWith('db:use')).replaceAll('-', '')}`
    const { status, body, text } = await call('POST', `/v1/accounts/${account}/attachments`, { connector: connector.id })
    expect(status).toBe(201)
    expect([body.access, body.access_jwe]).toEqual([undefined, undefined])
    for (const thing of api.world.things.values()) if (thing.secret) expect(text).not.toContain(thing.secret)
  })

  test('takes no private key, no weak key and no key that is none', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const account = `acct_${(await openWith('db:use')).replaceAll('-', '')}`
    const { secretJwk } = await jwkOf()
    for (const holder_key of [
      secretJwk,
      { kty: 'oct', k: 'AAAA' },
      { kty: 'EC' },
      { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) },
    ]) {
      const answer = await call('POST', `/v1/accounts/${account}/attachments`, { connector: connector.id, holder_key })
      expect([answer.status, answer.body.errors?.[0]?.pointer], answer.text).toEqual([400, '/holder_key'])
    }
  })

  test('is refused for whom and to what it is not for', async () => {
    const { body: connector } = await call('POST', '/v1/connectors', postgres())
    const account = `acct_${(await openWith('other')).replaceAll('-', '')}`
    const path = `/v1/accounts/${account}/attachments`
    expect((await call('POST', path, { connector: connector.id })).status).toBe(403)
    expect((await call('POST', path, { connector: 'nothing' })).status).toBe(404)
    expect((await call('POST', path, { connector: connector.id }, who.otherAdmin)).status).toBe(404)
    expect((await call('POST', path, { connector: connector.id }, who.auditor)).status).toBe(403)
    expect((await call('POST', path, {})).status).toBe(400)
    expect((await api.call('POST', path, undefined, { connector: connector.id })).status).toBe(401)
    const list = await call('GET', path, undefined, who.otherAdmin)
    expect(list.body.items).toEqual([])
  })
})
