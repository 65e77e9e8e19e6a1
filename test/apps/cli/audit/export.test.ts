// From a broker on real sockets to an export on disk, and what verifying it says when somebody at the database has been at work.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { formatId } from '#core/ids/id.ts'
import { createTestSealer } from '#test/setup/seal.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const sealer = createTestSealer('localhost')
const broker = useBroker({ config: { logTiles: { folder: sealer.folder } } })
const person = usePerson()
afterAll(() => sealer.close())

const as = (token: string) => ({ env: environmentOf(broker, person, token) })
const operator = () => as(broker.running.platformToken)
const own = () => as(broker.running.operatorToken)
const seal = () => sealer.seal(broker.database.database.sql)

/** Appends so many events, of the broker's tenant and of the deployment in turn. */
async function append(count: number): Promise<void> {
  const tenantId = await tenantOf()
  const events = Array.from({ length: count }, (_, at) => {
    const facts = { code: 'scope_not_allowed', config_epoch: at, reason: 'scope: @orders/read', trust_source: tenantId }
    return prepareEvent({ type: 'token.denied', tenantId: at % 2 === 0 ? tenantId : null, facts }, Date.now())
  })
  await broker.database.admin.begin(async sql => {
    for (const { leaf, body } of events) await sql`insert into log.pending (leaf, body) values (${leaf}, ${body})`
  })
}

async function tenantOf(): Promise<string> {
  const [row] = await broker.database.admin<[{ id: string }]>`select id from mayfly.tenant order by created_at limit 1`
  return row.id
}

/** As who has the database in their hands. */
const tamper = (change: (sql: typeof broker.database.admin) => Promise<unknown>): Promise<unknown> =>
  broker.database.admin.begin(async sql => {
    await sql`set local session_replication_role = replica`
    await change(sql as never)
  })

const hasPython = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 8)']).status === 0
const verify = (folder: string, ...words: string[]) => person.mayfly(['audit', 'verify', folder, '--json', ...words])
const fresh = (name: string): string => {
  const folder = join(person.home, name)
  rmSync(folder, { recursive: true, force: true })
  return folder
}

beforeAll(async () => {
  await append(700)
  await seal()
})

describe('mayfly audit export', () => {
  test('gives a platform-admin the whole log, and the export verifies without the broker', async () => {
    const folder = fresh('whole')
    const exported = await person.mayfly(['audit', 'export', folder], operator())
    expect(exported).toMatchObject({ code: 0, err: '' })
    const { code, out } = await verify(folder)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ valid: true, findings: [], key_pinned: false })
    expect(report.size).toBeGreaterThan(700)
    expect(report).toMatchObject({ entries: report.size, bodies: { checked: report.size } })
    expect(code).toBe(0)
    const { log } = JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8'))
    expect(JSON.parse((await verify(folder, '--key', log[0])).out)).toMatchObject({ valid: true, key_pinned: true })
  })

  test('goes on where it was stopped, and brings a finished export up to date', async () => {
    const folder = fresh('again')
    await person.mayfly(['audit', 'export', folder], operator())
    const before = JSON.parse((await verify(folder)).out)
    // As after a kill -9: lines behind the last state, a bundle that is not there, no manifest.
    const state = JSON.parse(readFileSync(join(folder, 'export-state.json'), 'utf8'))
    writeFileSync(join(folder, 'export-state.json'), JSON.stringify({ ...state, next: 256, bytes: bytesOf(folder, 256) }))
    rmSync(join(folder, 'tile/entries/001'))
    rmSync(join(folder, 'manifest.json'))
    expect((await verify(folder)).err).toContain('run it again')
    await append(300)
    await seal()
    const again = await person.mayfly(['audit', 'export', folder, '--json'], operator())
    expect(again.json().fetched).toBe(again.json().size - 256)
    const after = JSON.parse((await verify(folder)).out)
    expect(after).toMatchObject({ valid: true, older_checkpoints: 1, entries: after.size, bodies: { checked: after.size } })
    expect(after.size).toBeGreaterThan(before.size + 299)
    await append(5)
    await seal()
    await person.mayfly(['audit', 'export', folder], operator())
    expect(JSON.parse((await verify(folder)).out)).toMatchObject({ valid: true, older_checkpoints: 2 })
  })

  test('gives a tenant its own entries alone, each with a proof', async () => {
    const folder = fresh('own')
    expect(await person.mayfly(['audit', 'export', folder], own())).toMatchObject({ code: 0 })
    const report = JSON.parse((await verify(folder)).out)
    expect(report).toMatchObject({ valid: true, findings: [] })
    const lines = readFileSync(join(folder, 'entries.ndjson'), 'utf8').trimEnd().split('\n')
    expect(report.entries).toBe(lines.length)
    const tenant = await tenantOf()
    expect(lines.every(line => JSON.parse(line).leaf.includes(`"tenant":"${tenant}"`))).toBe(true)
    expect(existsSync(join(folder, 'tile'))).toBe(false)
    const named = fresh('named')
    await person.mayfly(['audit', 'export', named, '--tenant', formatId('tenant', tenant)], operator())
    const from = await person.mayfly(['audit', 'verify', named, '--from', join(named, 'checkpoint')])
    expect([from.code, from.err]).toEqual([1, expect.stringContaining('Leave out --from.')])
    expect(JSON.parse((await verify(named)).out)).toMatchObject({ valid: true })
  })

  test('shows of a token that it was issued with just these claims, and of a forged one that it was not', async () => {
    const { running } = broker
    const { access_token: token } = (await running.token(running.form(), running.certificate)).body
    await seal()
    const folder = fresh('with-tokens')
    await person.mayfly(['audit', 'export', folder], operator())
    const [head, payload, signature] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...claims, scope: 'everything' })).toString('base64url')
    const seen = JSON.parse((await verify(folder, '--tokens', person.file('tokens', `${token}\n`))).out)
    expect(seen).toMatchObject({ valid: true, tokens: [{ token: claims.jti, signature_verified: true }] })
    const tokens = person.file('forged', [token, `${head}.${forged}.${signature}`, 'no.token', 'x'].join('\n'))
    const { code, out } = await verify(folder, '--tokens', tokens)
    expect(code).toBe(1)
    const faults = JSON.parse(out).tokens.map(({ fault }: { fault?: string }) => fault)
    expect(faults).toEqual([undefined, 'its signature is wrong', 'it is no JWT', 'it is no JWT'])
    // Whoever has the issuer's key too has still to have the claims in the log.
    const keys = JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8'))
    writeFileSync(join(folder, 'keys.json'), JSON.stringify({ ...keys, issuers: {} }))
    const unsigned = JSON.parse((await verify(folder, '--tokens', tokens)).out).tokens
    expect(unsigned[0]).toMatchObject({ token: claims.jti, signature_verified: false })
    expect(unsigned[0].fault).toBeUndefined()
    expect(unsigned[1].fault).toBe('its claims are not those that were logged')
    if (!hasPython) return
    const program = join(import.meta.dirname, '../../../conformance/verify_export.py')
    const inPython = (file: string) =>
      JSON.parse(spawnSync('python3', [program, folder, '--tokens', file], { encoding: 'utf8' }).stdout)
    expect(inPython(person.file('tokens', token))).toMatchObject({ valid: true })
    expect(inPython(person.file('forged', `${head}.${forged}.${signature}`))).toMatchObject({
      valid: false,
      findings: [{ text: "a token's claims are not those that were logged" }],
    })
  })

  test('is itself an event, one for each export', async () => {
    await person.mayfly(['audit', 'export', fresh('told')], operator())
    const rows = await broker.database.admin<{ body: string }[]>`
      select b.body from log.entry e join log.body b using (position)
       where e.leaf like '%"type":"audit.exported"%' and e.leaf not like '%"tenant"%' order by position`
    const facts = rows.map(({ body }) => JSON.parse(body))
    expect(facts.at(-1)).toMatchObject({ format: 'tiles', actor_role: 'platform-admin' })
    expect(new Set(facts.map(({ from, to }) => `${from} ${to}`)).size).toBe(facts.length)
  })

  test.each(['ndjson', 'csv', 'ocsf'])('writes a plain list as %s, with nothing in it that steers a terminal', async format => {
    const file = fresh(`list.${format}`)
    expect(await person.mayfly(['audit', 'export', '--format', format, file], own())).toMatchObject({ code: 0 })
    const text = readFileSync(file, 'utf8')
    expect(text).toContain('token.denied')
    expect(text).toMatch(/^[\x20-\x7e\r\n]*$/)
    const lines = text.trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(400)
    if (format !== 'csv') expect(lines.every(line => typeof JSON.parse(line) === 'object')).toBe(true)
    if (format === 'ocsf') expect(JSON.parse(lines[0]!)).toMatchObject({ metadata: { product: { name: 'Mayfly' } } })
    else if (format === 'csv') expect(lines.filter(line => line.startsWith('position,'))).toHaveLength(1)
  })

  test('refuses a folder that holds something else', async () => {
    const folder = person.home
    expect(await person.mayfly(['audit', 'export', folder], operator())).toMatchObject({ code: 1, out: '' })
  })
})

// Last: what is done here stays done.
describe('an export of a log that somebody with the database in hand has changed', () => {
  test('F15: names the entry that was edited, the one that was deleted, and the body that was', async () => {
    await tamper(async sql => {
      await sql`update log.entry set leaf = replace(leaf, '"salt":"', '"salt":"A') where position = 300`
      await sql`delete from log.entry where position = 400`
      await sql`update log.body set body = replace(body, 'scope_', 'SCOPE_') where position = 500`
    })
    const folder = fresh('edited')
    const exported = await person.mayfly(['audit', 'export', folder], operator())
    expect(exported.code).toBe(1)
    expect(exported.err).toContain('1 entries are missing in the database')
    const { code, out } = await verify(folder)
    expect(code).toBe(1)
    expect(JSON.parse(out).findings).toMatchObject([
      { kind: 'body', position: 500 },
      { kind: 'changed', position: 300 },
      { kind: 'missing', position: 400 },
    ])
    const text = (await person.mayfly(['audit', 'verify', folder])).out
    expect(text).toContain('Entry 300 was changed.')
  })
})

/** How long the bodies before a position are. */
function bytesOf(folder: string, position: number): number {
  const text = readFileSync(join(folder, 'bodies.ndjson'), 'utf8')
  const lines = text.split('\n').filter(line => line !== '' && JSON.parse(line).position < position)
  return Buffer.byteLength(lines.map(line => `${line}\n`).join(''))
}
