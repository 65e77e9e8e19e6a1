// Rows 28 and 30 at the OAuth endpoints: secrets stand in no log line, no refusal and no row in clear, and nothing that a
// stranger sends can forge or bend a log line or a header.

import { beforeAll, describe, expect, test } from 'vitest'
import { issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { encode } from '#test/setup/forged-jwt.ts'
import { readLog } from '#test/setup/log-reader.ts'
import type { Answer } from '#test/setup/registration.ts'
import { agentUri, onceResourceUri } from '#test/setup/running-broker.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker({ config: { logLevel: 'trace' } })
const evil = '\r\nX-Forged: 1\r\n\r\n{"level":"info","msg":"forged"}\n\u202e\u2066\u2028\u0000\u001b[2J\u200b'
const fields = [
  'grant_type',
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'resource',
  'audience',
  'scope',
  'authorization_details',
  'task_id',
  'account_id',
  'ttl',
  'nonce',
  'intent',
  'allow_narrowing',
  'client_id',
  'client_secret',
] as const

/** Every row of every table, as text, with byte strings also as the text that they may be. */
async function dumpDatabase(): Promise<string> {
  const { admin } = broker.database
  const tables = await admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`
  const parts: string[] = []
  for (const { name } of tables)
    parts.push(...(await admin.unsafe(`select t::text as row from ${name} t`)).map(row => row['row']))
  return parts.join('\n')
}

describe('28: what strangers send', () => {
  const answers: Answer[] = []
  beforeAll(async () => {
    const { running } = broker
    for (const field of fields)
      answers.push(await running.token(running.form({ task_id: 'evil', [field]: evil }), running.certificate))
    const inside = [
      JSON.stringify([{ type: evil }]),
      JSON.stringify([{ type: 'agent_http', [evil]: 1 }]),
      JSON.stringify([{ type: 'agent_http', locations: [evil], methods: [evil], uri_template: `/${evil}` }]),
      JSON.stringify([{ type: 'agent_tool', locations: ['https://orders.example/api'], actions: ['x'], arguments: { x: evil } }]),
    ]
    for (const authorization_details of inside)
      answers.push(
        await running.token(running.form({ task_id: 'evil', scope: undefined, authorization_details }), running.certificate),
      )
    // Signed by the issuer, so that what it says reaches the log's private part.
    const subject_token = running.mint({ claims: { note: evil, name: evil } })
    answers.push(await running.token(running.form({ subject_token, task_id: 'evil-claims' }), running.certificate))
    answers.push(await running.token(running.form({ subject_token: running.mint({ sub: evil }) }), running.certificate))
    answers.push(await running.token(running.form({ subject_token: running.mint({ issuer: evil }) }), running.certificate))
    answers.push(
      await running.token(
        running.form({ subject_token: `${encode({ alg: evil, kid: evil })}.${encode({ iss: evil })}.AAAA` }),
        running.certificate,
      ),
    )
    const headers = { 'user-agent': 'x\u00ad"}forged', 'x-request-id': 'forged', 'idempotency-key': '"forged-key"' }
    answers.push(await running.token(running.form({ task_id: 'evil-headers' }), running.certificate, headers))
    for (const path of [`/t/${encodeURIComponent(evil)}/token`, `/${encodeURIComponent(evil)}`])
      answers.push(await broker.https.send(`${running.issuer}${path}`, { method: 'POST' }))
  })

  test('never becomes a server error, a header or a line of the answer', () => {
    for (const { status, headers, text } of answers) {
      expect(status).toBeLessThan(500)
      expect(headers).not.toHaveProperty('x-forged')
      expect(text).not.toMatch(/[\r\n\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b]/)
    }
  })

  test('begins no line of its own in the log and reorders none', () => {
    expect(broker.running.logLines.length).toBeGreaterThan(10)
    for (const line of broker.running.logLines) {
      expect(line).toMatch(/^\{.*\}\n$/)
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b]/u)
      expect(JSON.parse(line).msg).not.toBe('forged')
      expect(JSON.parse(line).reqId ?? '').not.toContain('forged')
    }
  })

  test('stands in the audit log as one line of ASCII a leaf, and in the body encrypted', async () => {
    for (const { leafText, body } of await readLog(broker.database.admin)) {
      expect(leafText).toMatch(/^[\x20-\x7e]+$/)
      expect(JSON.stringify(body ?? {})).not.toContain('forged')
    }
  })
})

describe('28, 30: canary secrets', () => {
  /** Parts of secrets, long enough to be unmistakable. */
  const canaries = new Map<string, string>()
  let logs = ''
  let refusals = ''
  let dump = ''
  beforeAll(async () => {
    const { running, database } = broker
    const certificate = await issueClientCertificate(running.ca, { uris: [agentUri], now: new Date() })
    const refused: Answer[] = []
    const subject = running.mint({ claims: { email: 'canary.person@example.test' }, runId: 'canary-run-7f3a' })
    const opened = await running.token(running.form({ subject_token: subject, task_id: 'canary-task-91c2' }), certificate, {
      'idempotency-key': '"canary-idempotency-55aa"',
    })
    const once = await running.token(running.form({ subject_token: subject, resource: onceResourceUri }), certificate)
    canaries.set('signature of the subject token', subject.split('.')[2]!)
    canaries.set('payload of the subject token', subject.split('.')[1]!)
    canaries.set('claim secret', new URL(opened.body.claim_uri).hash.slice(5, 48))
    canaries.set('signature of a task token', opened.body.access_token.split('.')[2])
    canaries.set('signature of a once token', once.body.access_token.split('.')[2])
    canaries.set('resource secret', running.resourceSecrets.once.slice(4, 44))
    canaries.set('operator token', running.operatorToken.slice(4, 44))
    canaries.set('platform token', running.platformToken.slice(4, 44))
    canaries.set('private key of the client', certificate.keyPem.split('\n')[1]!)
    canaries.set('private key of the server', running.config.tls.keyPem.split('\n')[1]!)
    canaries.set('key-encryption key', running.config.keyEncryptionKey.toString('base64'))
    canaries.set('key-encryption key, in hex', running.config.keyEncryptionKey.toString('hex'))
    canaries.set('idempotency key', 'canary-idempotency-55aa')
    canaries.set('a person', 'canary.person@example.test')
    const secrets = [
      running.operatorToken,
      running.resourceSecrets.once,
      subject,
      new URL(opened.body.claim_uri).hash.slice(1),
      opened.body.access_token,
    ]
    // Each in each place where a caller might put it by mistake.
    for (const secret of secrets) {
      for (const field of [
        'subject_token',
        'task_id',
        'scope',
        'resource',
        'nonce',
        'client_id',
        'grant_type',
        'account_id',
        'authorization_details',
      ])
        refused.push(
          await running.token(
            running.form({
              task_id: 'canary',
              scope: 'orders:write',
              [field]: secret.slice(0, field === 'subject_token' ? -2 : undefined),
            }),
            certificate,
          ),
        )
      refused.push(await running.token(running.form(), certificate, { authorization: `Bearer ${secret}` }))
      refused.push(await broker.https.send(`${running.issuer}/token?access_token=${secret}`, { method: 'POST' }))
      refused.push(await broker.https.send(`${running.issuer}/${secret}`))
      refused.push(
        await broker.https.send(`${running.issuer}/consume`, { method: 'POST', headers: { authorization: `Bearer ${secret}0` } }),
      )
    }
    const consume = (secret: string) =>
      broker.https.send(`${running.issuer}/consume`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ token_id: once.body.access_token, nonce: 'x'.repeat(20), exp: 1 }),
      })
    refused.push(await consume(running.resourceSecrets.once))
    // A database that breaks is the likeliest way for a parameter to end up in a log.
    await database.admin`alter table mayfly.credential rename to credential_away`
    refused.push(await consume(running.resourceSecrets.pop))
    await database.admin`alter table mayfly.credential_away rename to credential`
    expect(refused.every(answer => answer.status >= 400)).toBe(true)
    logs = running.logLines.join('')
    refusals = refused.map(answer => answer.text + JSON.stringify(answer.headers)).join('\n')
    dump = await dumpDatabase()
  })

  test('28: none in the log', () => {
    expect(logs).toContain('request refused')
    for (const [name, canary] of canaries) expect(logs.includes(canary), name).toBe(false)
  })

  test('28: none in a refusal', () => {
    for (const [name, canary] of canaries) expect(refusals.includes(canary), name).toBe(false)
  })

  test('30: none in a dump of the database, as text, hex or base64; nor whose they were', () => {
    expect(dump).toContain('token.issued')
    const forms = (text: string) => [text, Buffer.from(text).toString('hex'), Buffer.from(text).toString('base64').slice(4, -4)]
    for (const [name, canary] of canaries) for (const form of forms(canary)) expect(dump.includes(form), name).toBe(false)
    // What could name a person or a run lies encrypted under the subject's key.
    for (const word of ['canary-run-7f3a', 'workload"', '127.0.0.1']) expect(logPart(dump).includes(word), word).toBe(false)
  })

  const logPart = (text: string) =>
    text
      .split('\n')
      .filter(row => row.includes('"v":1') || row.includes('subject_key'))
      .join('\n')
})
