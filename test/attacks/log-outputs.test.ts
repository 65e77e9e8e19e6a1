// Rows 28 and 29 where the log leaves: a tail, webhooks, syslog to a SIEM, the terminal, the logs of the processes. What strangers put
// into texts neither begins a line nor steers a terminal; no secret is in any of it; and nobody but who starts the worker says where the
// operator's own copy goes.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#apps/process/logger.ts'
import { readSinkSettings } from '#apps/worker/audit-delivery/sink-settings.ts'
import { type RunningWorker, startWorker } from '#apps/worker/worker.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { parseNetworks } from '#core/outbound/address-rules.ts'
import { appendBatch } from '#db/log/append.ts'
import { environmentOf, usePerson } from '#test/apps/cli/use-cli.ts'
import { makeRequest } from '#test/db/log/requests.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { readNdjson } from '#test/setup/ndjson-reader.ts'
import { type SyslogCollector, startSyslogCollector } from '#test/setup/syslog-collector.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { startWebhookReceiver, type WebhookReceiver } from '#test/setup/webhook-receiver.ts'

const broker = useBroker({ config: { logLevel: 'trace' } })
const person = usePerson()
const evil = '\r\n<0>1 - forged - - - -\r\n{"type":"forged"}\n\u202e\u2066\u2028\u0000\u001b[2J\u009b2J\u200b\u{e0041}'
/** Anything that begins a line, or that a terminal obeys and eyes do not see. */
const steering =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u

let worker: RunningWorker
let receiver: WebhookReceiver
let collector: SyslogCollector
const workerLines: string[] = []
/** What must not leave. */
const canaries: Record<string, string> = {}

beforeAll(async () => {
  const { running, database } = broker
  receiver = await startWebhookReceiver()
  collector = await startSyslogCollector()
  const ca = person.file('siem-ca.pem', collector.caPem)
  const problems: string[] = []
  const sink = readSinkSettings({ MAYFLY_SIEM_URL: `tls://localhost:${collector.port}`, MAYFLY_SIEM_CA_FILE: ca }, problems)
  expect(problems).toEqual([])
  worker = await startWorker(
    {
      databaseUrl: database.urls.app,
      redisUrl: undefined,
      queueDatabaseUrl: database.urls.queue,
      keyEncryptionKey: running.config.keyEncryptionKey,
      logLevel: 'trace',
      outboundNetworks: parseNetworks('127.0.0.0/8, ::1/128', () => {}),
      sink,
    },
    createLogger('worker', 'trace', line => workerLines.push(line)),
  )
  const hook = { name: 'log', url: receiver.url, ca_pem: receiver.caPem, audit: { begin: 'start', leaf: true } }
  canaries['webhook secret'] = (await running.v1('POST', '/v1/webhooks', hook)).body.signing_secret.slice(6)
  const form = running.form({ task_id: 'canary' })
  const answer = await vi.waitFor(async () => {
    const given = await running.token(form, running.certificate)
    expect(given.status, given.text).toBe(200)
    return given
  })
  canaries['subject token'] = form['subject_token']!.split('.')[2]!
  canaries['access token'] = answer.body.access_token.split('.')[2]
  canaries['claim secret'] = new URL(answer.body.claim_uri).hash.slice(-30)
  canaries['operator token'] = running.operatorToken.slice(8)
  canaries['resource secret'] = running.resourceSecrets.pop.slice(8)
  for (const task_id of [evil, `x${evil}`])
    await running.token(running.form({ task_id, intent: evil, nonce: evil }), running.certificate)
  const description = 'A description that is nobody’s business outside'
  canaries['workload'] = 'workload-canary'
  await running.token(running.form({ subject_token: running.mint({ sub: 'workload-canary' }) }), running.certificate)
  await running.v1('POST', '/v1/webhooks', { name: evil, url: 'https://x.example', events: ['account.claimed'], description })
  // What no way in allows, were there a way: words of ours that are somebody else's.
  const tenantId = running.ids.tenant.replace(/^ten_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const facts = {
    actor: `crd_${'0'.repeat(32)}`,
    actor_role: 'auditor',
    webhook: `whk_${'0'.repeat(32)}`,
    more: evil,
    [evil]: evil,
  }
  const event = prepareEvent({ type: 'webhook.changed', tenantId, facts } as never, Date.now())
  await appendBatch(database.database.sql, [makeRequest(tenantId, { events: [event] })])
  await worker.auditDelivery.drain()
})
afterAll(async () => {
  await worker?.close()
  await receiver?.close()
  await collector?.close()
  // The last entry is none of the catalogue's; other tests need not see it.
  await broker.database.admin`alter table log.entry disable trigger entry_append_only`
  await broker.database.admin`delete from log.entry where leaf like '%webhook.changed%'`
})

const isHostile = (text: string): boolean => text.includes('forged')

async function tail(): Promise<string> {
  const url = `${broker.running.issuer}/v1/audit/stream?after=start&follow=false&leaf=true`
  const reader = await readNdjson({ url, ca: broker.running.ca.certificatePem, token: broker.running.operatorToken })
  await vi.waitFor(() => expect(reader.ended).toBe('end'))
  return reader.text()
}

/** Everything that has left, by the way it took. */
async function outputs(): Promise<Record<string, string>> {
  const env = environmentOf(broker, person)
  const mayfly = async (...words: string[]) => {
    const { out, err } = await person.mayfly(words, { env })
    return out + err
  }
  return {
    'the tail over HTTP': await tail(),
    'mayfly audit tail': await mayfly('audit', 'tail', '--after', 'start'),
    'mayfly audit tail --json': await mayfly('audit', 'tail', '--after', 'start', '--json'),
    webhooks: receiver.calls.map(({ text }) => text).join('\n'),
    syslog: collector.messages.join('\n'),
    'the log of the broker': broker.running.logLines.join(''),
    'the log of the worker': workerLines.join(''),
  }
}

describe('28: what leaves the log', () => {
  test('begins no line, and steers no terminal, by what strangers wrote', async () => {
    const size = (await readLog(broker.database.admin)).length
    await vi.waitFor(() => expect(collector.messages.length).toBeGreaterThanOrEqual(size))
    const texts = await outputs()
    for (const [way, text] of Object.entries(texts)) {
      expect(steering.exec(text)?.[0], way).toBeUndefined()
      for (const line of text.split('\n')) expect(line.startsWith('<0>1') || line.startsWith('{"type":"forged"'), way).toBe(false)
    }
    for (const way of ['the tail over HTTP', 'mayfly audit tail --json', 'webhooks', 'syslog'])
      expect(isHostile(texts[way]!), way).toBe(true)
    expect(collector.bytes().every(byte => byte >= 0x20 && byte <= 0x7e)).toBe(true)
  })

  test('holds no secret, and nothing that is sealed: canaries are found nowhere', async () => {
    const texts = await outputs()
    const found = Object.entries(texts).flatMap(([way, text]) =>
      Object.entries(canaries).flatMap(([what, canary]) => (text.includes(canary) ? [`${what} in ${way}`] : [])),
    )
    expect(found).toEqual([])
    for (const text of [texts['the tail over HTTP'], texts['webhooks'], texts['syslog']])
      expect(text).not.toMatch(/"(private|subject_key)":/)
  })
})

describe('29: where the operator’s own copy goes', () => {
  test('is said by no operation of any API', async () => {
    const { body } = await broker.https.send(`${broker.running.issuer}/openapi.json`)
    const document = JSON.stringify(body)
    expect(document).toContain('/v1/audit/stream')
    // No path, and no member of any body.
    expect(document.match(/"[^"]*(?:siem|syslog|sink)[^"]*":/gi)).toBeNull()
  })

  test('stands in no row: the database knows how far it has come, and the worker’s role cannot set even that back', async () => {
    const { admin, database } = broker.database
    const columns = await admin`select column_name as name from information_schema.columns where table_name = 'audit_sink'`
    expect(columns.map(({ name }) => name).sort()).toEqual(
      ['failure', 'failures', 'lease', 'leased_until', 'name', 'position', 'taken_at'].sort(),
    )
    for (const statement of ['select * from', 'update', 'delete from', 'truncate', 'insert into']) {
      const rest = { update: ' set position = 0', 'insert into': " (name, position) values ('other', 0)" }[statement] ?? ''
      await expect(database.sql.unsafe(`${statement} mayfly.audit_sink${rest}`)).rejects.toThrow('permission denied')
    }
    const [before] = await admin`select position, lease from mayfly.audit_sink`
    await database.sql`select across.note_audit_sink('siem', ${before!['lease']}::uuid, 0, null)`
    const [after] = await admin`select position from mayfly.audit_sink`
    expect(Number(after!['position'])).toBeGreaterThanOrEqual(Number(before!['position']))
  })

  test('does not change when a tenant registers receivers of its own: they get its entries alone, and the copy stays whole', async () => {
    const entries = receiver.calls.flatMap(({ body }) => body.data['entries'] as { tenant?: string }[])
    expect(new Set(entries.map(({ tenant }) => tenant))).toEqual(new Set([broker.running.ids.tenant]))
    const logged = await readLog(broker.database.admin)
    expect(logged.some(({ leaf }) => leaf.tenant === undefined)).toBe(true)
    await vi.waitFor(() =>
      expect(new Set(collector.messages.map(text => / position="(\d+)"/.exec(text)![1])).size).toBeGreaterThanOrEqual(
        logged.length,
      ),
    )
  })
})
