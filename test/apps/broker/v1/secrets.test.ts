import { createPrivateKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { bootstrap, type Management, type Operators, ordersApi, startManagement } from './management.ts'

let api: Management
let who: Operators
beforeAll(async () => {
  api = await startManagement()
  who = await bootstrap(api)
})
afterAll(() => api.close())

/** Every row of every table, as text. */
async function dumpDatabase(): Promise<string> {
  const tables = await api.admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('mayfly', 'log', 'queue', 'migration')`
  const parts: string[] = []
  for (const { name } of tables) {
    const rows = await api.admin.unsafe(`select t::text as row, encode(convert_to(t::text, 'UTF8'), 'hex') as hex from ${name} t`)
    parts.push(...rows.map(row => `${row['row']}`))
  }
  return parts.join('\n')
}

describe('a stolen dump of the database (attack 30)', () => {
  test('holds no credential and no private key in clear, and what it holds sealed opens in its own row only', async () => {
    const dump = await dumpDatabase()
    expect(dump).toContain('acme')
    expect(dump).not.toMatch(/mf[a-z]_/)
    const kek = new LocalKeyEncryption(api.kek)
    const rows = await api.admin`select id, tenant_id, private_sealed, kek_id from mayfly.signing_key order by id`
    expect(rows.length).toBeGreaterThanOrEqual(4)
    for (const row of rows) {
      const context = { tenantId: row['tenant_id'], purpose: 'signing-key', rowId: row['id'] } as const
      const der = await kek.open(row['private_sealed'], row['kek_id'], context)
      expect(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).type).toBe('private')
      expect(dump).not.toContain(der.toString('hex').slice(20, 120))
      expect(dump).not.toContain(der.toString('base64').slice(20, 120))
      await expect(kek.open(row['private_sealed'], row['kek_id'], { ...context, rowId: rows[0]!['tenant_id'] })).rejects.toThrow()
      await expect(kek.open(row['private_sealed'], row['kek_id'], { ...context, purpose: 'subject-key' })).rejects.toThrow()
    }
    expect(dump).not.toMatch(/"d":/)
  })
})

describe('logs (attack 28)', () => {
  test('no canary secret reaches a log, an error or an answer that is not its own', async () => {
    const canaries = [who.platformAdmin, who.tenantAdmin, who.auditor, who.otherAdmin]
    const resource = await api.call('POST', '/v1/resources', who.tenantAdmin, ordersApi)
    const made = await api.call('POST', `/v1/resources/${resource.body.id}/credentials`, who.tenantAdmin, { name: 'guard' })
    canaries.push(made.body.token)
    const login = await api.call('POST', '/v1/sign-in-providers', who.tenantAdmin, api.people.provider())
    const signIn = api.people.signIn(login.body.id, 'ann', ['mayfly-admins'])
    canaries.push((await api.call('POST', '/v1/sessions', undefined, signIn)).body.token, signIn.id_token)
    const answers = [
      await api.call('GET', `/v1/agents?x=${who.tenantAdmin}`, who.tenantAdmin),
      await api.call('GET', `/v1/${who.tenantAdmin}`, who.tenantAdmin),
      await api.call('GET', '/v1/agents', `${who.tenantAdmin}0`),
      await api.call('POST', '/v1/agents', who.tenantAdmin, { [who.tenantAdmin]: who.tenantAdmin, name: who.tenantAdmin }),
      await api.call('POST', '/v1/resources', who.tenantAdmin, {
        ...ordersApi,
        uri: `https://x.example/${who.auditor}`,
        enforces: [],
      }),
    ]
    expect(answers.map(answer => answer.status)).toEqual([400, 404, 401, 400, 400])
    // A broken database is the likeliest way for a parameter to end up in an error's text.
    await api.admin`alter table mayfly.credential rename to credential_away`
    const broken = await api.call('GET', '/v1/agents', who.tenantAdmin)
    await api.admin`alter table mayfly.credential_away rename to credential`
    expect([broken.status, broken.body.title]).toEqual([500, 'Something failed inside the broker.'])
    expect(broken.text).not.toContain('credential_away')
    const logs = api.logLines.join('')
    expect(logs).toContain('request failed')
    for (const canary of canaries) expect(logs).not.toContain(canary.slice(4, 44))
  })

  test('what strangers send cannot begin a line of its own or reorder one', async () => {
    const evil = '\r\n{"level":"info","msg":"forged"}\u202e\u2066\u2028'
    await api.call('POST', '/v1/agents', who.tenantAdmin, { [evil]: 1, name: evil })
    await api.call('GET', `/v1/${encodeURIComponent(evil)}`, who.tenantAdmin)
    await api.call('GET', '/v1/agents', undefined, undefined, { 'user-agent': 'x\u202e', 'x-request-id': 'forged' })
    for (const line of api.logLines) {
      expect(line).toMatch(/^\{.*\}\n$/)
      expect(JSON.parse(line).msg).not.toBe('forged')
      expect(line).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u2028\u2029]/)
      expect(line).not.toContain('"reqId":"forged"')
    }
  })

  test('a bootstrap token never stands in a log', async () => {
    await api.admin`delete from mayfly.credential where kind = 'operator'`
    const token = (await createBootstrapToken(api.database.db, Date.now()))!
    expect((await api.call('POST', '/v1/bootstrap', token, { tenant: { slug: 'second', name: 'Second' } })).status).toBe(409)
    expect(api.logLines.join('')).not.toContain(token.slice(4, 44))
  })
})
