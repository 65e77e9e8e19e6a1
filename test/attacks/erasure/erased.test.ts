// F16: somebody is erased, and then everything is verified. Nothing of it is left in the database, nothing of it can be read again, and
// no leaf has changed.

import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LedgerEntry } from '#core/audit/erasure/ledger.ts'
import { readLedger } from '#core/audit/erasure/ledger.ts'
import { replayErasures } from '#core/audit/erasure/replay.ts'
import { sweepErasures } from '#core/audit/erasure/sweep.ts'
import { parseId } from '#core/ids/id.ts'
import { hashList } from '#core/subject/subject.ts'
import { Frontier, leafHash } from '#core/tlog/hash.ts'
import { createMemoryStore } from '#core/tlog/tile-store.ts'
import { projectLog } from '#db/audit/projection.ts'
import { foldUsage } from '#db/quota/fold-usage.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { dumpEverything, findPgDump, type PgDump, runPgDump } from '#test/setup/dump.ts'
import { signAsIssuer } from '#test/setup/forged-jwt.ts'
import { type LoggedEvent, readLog } from '#test/setup/log-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { plantIn } from './plant.ts'

const at = useBroker()
const store = createMemoryStore()

/** One human being: known to a trust source by one name, to a sign-in provider by another. */
const workload = 'repo:canary/Xq7/actor:sam.canary-xq7@acme.example'
const subject = 'sam-canary-subject-xq7-0001'
const name = 'Samuel Canary Xq7'
const email = 'sam.canary-xq7@acme.example'
const canaries = /canary.{0,10}xq7/i

let provider: string
/** Why there is none, where there is none. */
let dumper: PgDump | string
let person: string
let session: string
let agent: string
/** The log as it was before anybody was erased. */
let before: LoggedEvent[]
let rootBefore: Buffer
let hashes: string[]

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')
const rootOf = (entries: readonly LoggedEvent[]): Buffer => {
  const tree = new Frontier()
  for (const { leafText } of entries) tree.append(leafHash(leafText))
  return tree.root()
}
const tenantId = () => parseId('tenant', at.running.ids.tenant)!
const issue = (sub: string, task: string, form: Record<string, string> = {}) =>
  at.running.token(at.running.form({ subject_token: at.running.mint({ sub, runId: task }), task_id: `task-${task}`, ...form }))
/** As the worker does: nothing goes that projection and records of use have not read. */
async function sweep() {
  const { db, sql } = at.database.database
  let [finished, ledgered] = [0, 0]
  // The event that one erasure ends with has to be read before the next ends.
  for (let round = 0; round < 3; round++) {
    await foldUsage(sql)
    await projectLog(db)
    const done = await sweepErasures({ db, ledger: store, graceSeconds: 0 }, Date.now())
    finished += done.finished
    ledgered += done.ledgered
  }
  return { finished, ledgered }
}
const everythingIn = async (): Promise<string> => {
  const { admin, urls } = at.database
  return `${await dumpEverything(admin)}\n${typeof dumper === 'string' ? '' : runPgDump(dumper, urls.admin)}`
}
const traces = (dump: string): string[] =>
  dump.split('\n').filter(line => canaries.test(line) || hashes.some(hash => line.includes(hash)))

async function signIn(): Promise<{ token: string; person: string }> {
  const { running } = at
  const nonce = randomUUID()
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: running.idp.issuer,
    sub: subject,
    aud: 'mayfly-cli',
    iat: now,
    exp: now + 600,
    nonce,
    name,
    email,
    groups: ['admins'],
  }
  const answer = await running.v1('POST', '/v1/sessions', {
    provider,
    id_token: signAsIssuer(running.idp.keys, claims, { typ: 'JWT' }),
    nonce,
  })
  expect(answer.status, answer.text).toBe(201)
  const people = await running.v1('GET', '/v1/people')
  return { token: answer.body.token, person: people.body.items.find((one: { subject: string }) => one.subject === subject).id }
}

beforeAll(async () => {
  const { running } = at
  dumper = await findPgDump(at.database.admin)
  if (typeof dumper === 'string') process.stderr.write(`F16 goes without pg_dump: ${dumper}\n`)
  else process.stderr.write(`F16 looks into what ${dumper.program} (PostgreSQL ${dumper.major}) writes\n`)
  const { issuer } = running.idp
  // What keys are found by, and what accounts know their openers by.
  hashes = [
    [issuer, workload],
    [issuer, subject],
    [issuer, workload, ['run_id', 'one']],
  ].map(hashList)
  const made = await running.v1('POST', '/v1/sign-in-providers', {
    name: 'login',
    issuer: running.idp.issuer,
    client_id: 'mayfly-cli',
    groups_claim: 'groups',
    rules: [{ group: 'admins', role: 'tenant-admin' }],
    ca_pem: running.ca.certificatePem,
  })
  expect(made.status, made.text).toBe(201)
  provider = made.body.id
  ;({ token: session, person } = await signIn())
  await changeRegistration(running, `/v1/agents/${running.ids.bearerAgent}`, own => ({
    rules: [...own.rules, { trust_source: running.ids.openid, claims: { sub: 'repo:*/*/actor:*' } }],
  }))
})

async function liveAWorkingLife(): Promise<void> {
  const { running } = at
  const { v1 } = running
  expect((await issue(workload, 'one')).status).toBe(200)
  expect((await issue(workload, 'of-sam.canary-xq7@acme.example')).status).toBe(200)
  expect((await issue(workload, 'one', { scope: 'orders:write' })).status).toBe(400)
  expect((await issue('repo:other/x/actor:kim', 'two')).status).toBe(200)
  const owned = await v1('POST', '/v1/agents', { ...ownedBy(email), name: 'report' }, session)
  expect(owned.status, owned.text).toBe(201)
  agent = owned.body.id
  await v1('POST', '/v1/operators', { name: `${name} laptop`, role: 'auditor' })
  await v1('POST', '/v1/operators', { name: 'ci of the team', role: 'auditor' }, session)
  await v1('POST', `/v1/agents/${agent}/join-tokens`, { note: `for ${email}` })
  const revoked = await v1('POST', '/v1/revocations', { agent_id: agent, reason: `asked by ${name}` }, session)
  expect(revoked.status, revoked.text).toBe(201)
  await at.database.admin`update mayfly.tenant set two_person = '["ceilings"]'`
  const waits = await v1('POST', '/v1/agents', { ...ownedBy(`${name} <${email}>`), name: 'waits' })
  expect(waits.status, waits.text).toBe(202)
  await at.database.admin`update mayfly.tenant set two_person = '[]'`
  await plantIn(at.database.admin, tenantId(), email)
}

const ownedBy = (owner: string) => ({
  owner,
  review_on: '2099-01-01',
  rules: [{ trust_source: at.running.ids.openid, claims: { sub: `nobody-${randomUUID()}` } }],
  ceiling: { scope: 'orders:read' },
})

describe('F16: whoever is erased', () => {
  test('was everywhere before', async () => {
    await liveAWorkingLife()
    before = await readLog(at.database.admin)
    rootBefore = rootOf(before)
    await at.database.admin.unsafe('analyze')
    const dump = await everythingIn()
    expect(traces(dump).length).toBeGreaterThan(12)
    for (const hash of hashes) expect(dump).toContain(hash)
  })

  test('keeps whatever a legal hold covers, and goes when it is lifted', async () => {
    const { v1 } = at.running
    const hold = await v1('POST', '/v1/legal-holds', { matter: 'case 1', person })
    expect(hold.status, hold.text).toBe(201)
    const refused = await v1('POST', '/v1/erasures', { person })
    expect([refused.status, refused.body.detail ?? refused.text]).toEqual([409, expect.stringContaining('legal hold')])
    expect((await v1('POST', `/v1/legal-holds/${hold.body.id}/lift`)).status).toBe(200)
  })

  test('is refused while a registration names it, and the answer says which', async () => {
    const { v1, ids } = at.running
    const path = `/v1/agents/${agent}`
    await changeRegistration(at.running, path, () => ({ rules: [{ trust_source: ids.openid, claims: { sub: workload } }] }))
    const refused = await v1('POST', '/v1/erasures', { issuer: at.running.idp.issuer, subject: workload })
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining(agent)])
    await changeRegistration(at.running, path, () => ({ rules: [{ trust_source: ids.openid, claims: { sub: 'nobody' } }] }))
  })

  test('is nowhere afterwards: not in a dump, not in the catalogs, not by its hash', async () => {
    const { v1, idp } = at.running
    const one = await v1('POST', '/v1/erasures', { issuer: idp.issuer, subject: workload })
    expect([one.status, one.body], one.text).toMatchObject([201, { status: 'erasing', keys: 1, people: [], in_ledger: false }])
    const other = await v1('POST', '/v1/erasures', { person })
    expect([other.status, other.body], other.text).toMatchObject([
      201,
      { keys: 1, people: [person], agents_without_owner: [agent] },
    ])
    expect(await sweep()).toEqual({ finished: 2, ledgered: 2 })
    await at.database.admin.unsafe('analyze')
    expect(traces(await everythingIn())).toEqual([])
    const shown = await v1('GET', `/v1/erasures/${one.body.id}`)
    expect(shown.body).toMatchObject({ status: 'erased', in_ledger: true })
    expect(shown.body.bodies).toBeGreaterThanOrEqual(3)
    expect((await v1('GET', '/v1/whoami', undefined, session)).status).toBe(401)
    expect(at.running.logLines.filter(line => canaries.test(line))).toEqual([])
  })

  test('is in nothing that pg_dump writes', ({ skip }) => {
    if (typeof dumper === 'string') return skip(dumper)
    const text = runPgDump(dumper, at.database.urls.admin)
    expect(text).toContain('subject.erased')
    expect(traces(text)).toEqual([])
  })

  test('is in no file of the database once its tables are rewritten', async () => {
    const { admin } = at.database
    const [place] = await admin<[{ path: string; folder: string }]>`
      select current_setting('data_directory') as path, oid::text as folder from pg_database where datname = current_database()`
    await admin.unsafe('vacuum full')
    await admin.unsafe('checkpoint')
    const folder = join(place.path, 'base', place.folder)
    const found: string[] = []
    for (const file of await readdir(folder))
      if (canaries.test((await readFile(join(folder, file))).toString('latin1'))) found.push(file)
    expect(found).toEqual([])
  })

  test('leaves every leaf as it was, so that each proof holds, and the bodies that are left fit their leaves', async () => {
    const after = await readLog(at.database.admin)
    expect(after.slice(0, before.length).map(({ leafText }) => leafText)).toEqual(before.map(({ leafText }) => leafText))
    expect(rootOf(after.slice(0, before.length))).toEqual(rootBefore)
    const rows = await at.database.admin<{ leaf: string; body: string }[]>`
      select e.leaf, b.body from log.entry e join log.body b using (position)`
    for (const { leaf, body } of rows) {
      const { salt, body_hash } = JSON.parse(leaf)
      expect(sha256(salt + body)).toBe(body_hash)
    }
    const gone = before.filter(({ position }) => !after.find(entry => entry.position === position)?.body)
    expect(gone.length).toBeGreaterThan(3)
    expect(gone.every(({ body }) => typeof body.subject_key === 'string')).toBe(true)
    expect(after.filter(({ leaf }) => leaf.type === 'subject.erased')).toHaveLength(2)
    expect(after.filter(({ leaf }) => leaf.type === 'subject.erasure_finished')).toHaveLength(2)
  })

  test('takes nothing from others', async () => {
    const [row] = await at.database.admin<[{ n: number }]>`
      select count(*)::int as n from mayfly.subject_key where subject_hash = decode(${hashList([at.running.idp.issuer, 'repo:other/x/actor:kim'])}, 'hex')`
    expect(row.n).toBe(1)
    expect((await issue('repo:other/x/actor:kim', 'two')).status).toBe(200)
  })

  test('may come again as a stranger: under a new key, in every broker at once', async () => {
    const destroyed = before.flatMap(({ body }) => (typeof body?.subject_key === 'string' ? [body.subject_key] : []))
    expect((await issue(workload, 'again')).status).toBe(200)
    const last = (await readLog(at.database.admin)).filter(({ leaf }) => leaf.type === 'token.issued').at(-1)!
    expect(destroyed).not.toContain(last.body.subject_key)
    const [kept] = await at.database.admin`select 1 as there from mayfly.subject_key where id = ${last.body.subject_key}`
    expect(kept).toMatchObject({ there: 1 })
  })
})

describe('the ledger', () => {
  test('names nobody', async () => {
    const text = [...store.files.values()].map(bytes => bytes.toString('utf8')).join('')
    expect(text).not.toMatch(canaries)
    for (const hash of hashes) expect(text).not.toContain(hash)
  })

  test('has whoever a restored backup brings back forgotten again, by what only that backup can tell', async () => {
    const { admin, database } = at.database
    const { config } = at.running
    await at.running.v1('POST', '/v1/erasures', { issuer: at.running.idp.issuer, subject: workload })
    const { token, person: anew } = await signIn()
    await at.running.v1('POST', '/v1/agents', { ...ownedBy(email), name: 'back' }, token)
    const backup = {
      keys: await admin`select * from mayfly.subject_key`,
      people: await admin`select * from mayfly.person where id = ${parseId('person', anew)!}`,
      agents: await admin`select id, owner from mayfly.agent where name = 'back'`,
    }
    expect((await at.running.v1('POST', '/v1/erasures', { person: anew })).status).toBe(201)
    await sweep()
    const { entries } = await readLedger(store)
    // What the backup had, and what it did not know.
    const last = entries.at(-1) as LedgerEntry
    await admin`delete from mayfly.erasure where id = ${last.id}`
    await admin`insert into mayfly.subject_key ${admin(backup.keys)} on conflict do nothing`
    await admin`update mayfly.person set issuer = ${backup.people[0]!['issuer']}, subject = ${subject}, name = ${name}, email = ${email} where id = ${last.personIds[0]!}`
    await admin`update mayfly.agent set owner = ${backup.agents[0]!['owner']} where name = 'back'`
    expect(traces(await everythingIn()).length).toBeGreaterThan(1)
    const { keyEncryption } = at.running.broker.deps
    expect(config.keyEncryptionKey).toHaveLength(32)
    expect(await replayErasures({ db: database.db, keyEncryption }, entries, Date.now())).toBe(1)
    expect(await replayErasures({ db: database.db, keyEncryption }, entries, Date.now())).toBe(0)
    await sweep()
    expect(traces(await everythingIn())).toEqual([])
  })
})
