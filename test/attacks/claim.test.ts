// The claim link and the browser's session, attacked: rows 16, 17, 27 and 33 of docs/threat-model.md. What Chromium shows of
// row 27 is tested with the console.

import { beforeAll, describe, expect, test } from 'vitest'
import { createClaimDeps } from '#apps/broker/console.ts'
import { readClaimStatus } from '#core/claim/claim-status.ts'
import { parseId } from '#core/ids/id.ts'
import { newClaimSecret } from '#core/ids/secret.ts'
import { type OpenedAccount, openAccount, setClaimableBy, showCode } from '#test/setup/claims.ts'
import { providerBody, useConsole, type Visitor } from '#test/setup/console.ts'
import { logSize } from '#test/setup/log-reader.ts'
import { sendRaw } from '#test/setup/raw-tls.ts'
import { createOtherTenant, type OtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker, ['/t/other'])
let claimer: Visitor
let other: OtherTenant
let count = 0
const open = (form = {}): Promise<OpenedAccount> => openAccount(broker.running, `task-${++count}`, form)
const look = ({ secret }: { secret: string }, visitor = claimer, changes = {}) =>
  visitor.api('POST', '/claims/look', { secret }, changes)
const confirm = (account: OpenedAccount, given: object, visitor = claimer, changes = {}) =>
  visitor.api('POST', '/claims/confirm', { secret: account.secret, readmit: false, ...given }, changes)
const claim = async (account: OpenedAccount, given = {}, visitor = claimer) =>
  confirm(account, { code: await showCode(broker.running, account), ...given }, visitor)
const come = ({ taskId }: OpenedAccount) =>
  broker.running.token(broker.running.form({ task_id: taskId }), broker.running.certificate)
const refusal = (reply: { status: number; body: { code: string } }) => [reply.status, reply.body?.code]
const ownerOf = async ({ uuid }: OpenedAccount) =>
  broker.database
    .admin`select p.subject from mayfly.claim c join mayfly.person p on p.id = c.person_id where c.account_id = ${uuid}`
const status = (secret: string, prefix = '') =>
  broker.https.send(`${broker.running.issuer}${prefix}/claim/status`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret }),
  })

beforeAll(async () => {
  other = await createOtherTenant(broker.running, 'other')
  await other.register('/v1/sign-in-providers', providerBody(people.idp, broker.running.ca.certificatePem))
  await setClaimableBy(broker.running, { groups: ['mayfly-claimers'] })
  claimer = people.visit()
  await claimer.signIn('claimer')
})

describe('16: the claim link', () => {
  test('16: opened by a scanner with GET or HEAD, by anybody, in any state, changes nothing and shows no secret', async () => {
    const account = await open()
    const before = await logSize(broker.database.admin)
    for (const path of ['/claim', '/t/other/claim', '/claim?x=1', '/console', '/console/accounts/acct_1'])
      for (const method of ['GET', 'HEAD']) {
        const reply = await people.visit().send(`${broker.running.issuer}${path}`, { method })
        expect([path, method, reply.status]).toEqual([path, method, 200])
        expect(reply.headers.get('cache-control')).toBe('no-store')
        expect(reply.text).not.toContain(account.secret)
      }
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'])
      for (const path of [
        '/console/api/claims/look',
        '/console/api/claims/confirm',
        '/console/api/claims/refuse',
        '/claim/status',
      ])
        expect((await people.visit().send(`${broker.running.issuer}${path}`, { method })).status).toBeGreaterThanOrEqual(403)
    expect(await logSize(broker.database.admin)).toBe(before)
    expect((await look(account)).status).toBe(200)
  })

  test('16: holds a secret of 256 random bits, stored as its hash; a link with another one for the same account opens nothing', async () => {
    const account = await open()
    expect(account.secret).toMatch(/^mfc_[\w-]{65}_[0-9a-f]{8}$/)
    expect(refusal(await look({ secret: newClaimSecret(account.uuid) }))).toEqual([410, 'claim_expired'])
    for (const secret of [account.secret.slice(0, -1), `${account.secret}x`, account.secret.toUpperCase(), 'x', account.uuid])
      expect(refusal(await look({ secret }))).toEqual([410, 'claim_expired'])
    const dump = await broker.database.admin`select claim_hash from mayfly.account where id = ${account.uuid}`
    expect(dump[0]!['claim_hash']).toHaveLength(32)
  })

  test('16: stolen, it is worth nothing without a sign-in that may claim, nor then without the code that the agent shows', async () => {
    const account = await open()
    const code = await showCode(broker.running, account)
    expect(refusal(await confirm(account, { code }, people.visit()))).toEqual([401, 'sign_in_needed'])
    const thief = people.visit()
    await thief.signIn('thief')
    expect(refusal(await confirm(account, { code }, thief))).toEqual([403, 'not_claimable_by_you'])
    const guesses = Array.from({ length: 40 }, (_, i) => `BCDF-GH${'BCDFGHJKLM'[i % 10]}${'NPQR'[i % 4]}`)
    const replies = await Promise.all(guesses.map(guess => confirm(account, { code: guess })))
    const compared = replies.filter(reply => reply.body.code === 'wrong_code')
    expect(compared.length).toBeLessThanOrEqual(5)
    expect(replies.every(reply => ['wrong_code', 'too_many_codes'].includes(reply.body.code))).toBe(true)
    expect(refusal(await confirm(account, { code }))).toEqual([429, 'too_many_codes'])
    expect(await ownerOf(account)).toHaveLength(0)
  })

  test('16: says the host of the configuration, whatever Host a request brings', async () => {
    const { config, ca, certificate, issuer } = broker.running
    const form = new URLSearchParams(broker.running.form({ task_id: 'forged-host' })).toString()
    const forged = 'Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n'
    const type = 'Content-Type: application/x-www-form-urlencoded'
    const opening = `POST /token HTTP/1.1\r\n${forged}${type}\r\nContent-Length: ${form.length}\r\n\r\n${form}`
    const opened = await sendRaw(config.mtlsUrl, ca.certificatePem, opening, certificate)
    expect(opened).toContain(`"claim_uri":"${issuer}/claim#mfc_`)
    const signIn = `GET /console/sign-in?provider=${people.provider}&return_to=/claim HTTP/1.1\r\n${forged}\r\n`
    const begun = await sendRaw(issuer, ca.certificatePem, signIn)
    expect(begun).toContain(`redirect_uri=${encodeURIComponent(`${issuer}/console/callback`)}`)
    expect(`${opened}${begun}`).not.toContain('evil.example')
  })

  test('16: used by two at the same moment makes exactly one the owner; the other gets 409 and nothing changes', async () => {
    const second = people.visit()
    await setClaimableBy(broker.running, {
      subjects: ['claimer', 'rival'].map(subject => ({ issuer: people.idp.issuer, subject })),
    })
    await second.signIn('rival')
    for (let round = 0; round < 8; round++) {
      const account = await open()
      const code = await showCode(broker.running, account)
      const replies = await Promise.all([claimer, second, claimer, second].map(visitor => confirm(account, { code }, visitor)))
      const [owner, ...more] = await ownerOf(account)
      expect(more).toEqual([])
      const told = replies.map(reply => reply.body.code ?? 'claimed')
      const [ofFirst, ofSecond] = [new Set([told[0], told[2]]), new Set([told[1], told[3]])]
      const [winner, loser] = owner!['subject'] === 'claimer' ? [ofFirst, ofSecond] : [ofSecond, ofFirst]
      expect([[...winner], [...loser]]).toEqual([['claimed'], ['already_claimed']])
      expect(refusal(await look(account, second))).toEqual([409, 'already_claimed'])
    }
    await setClaimableBy(broker.running, { groups: ['mayfly-claimers'] })
  })

  test('16: of one tenant opens nothing for people of another, by whichever path', async () => {
    const account = await open()
    const stranger = people.visit()
    await stranger.signIn('claimer', { prefix: '/t/other', provider: people.provider })
    const { providers } = (await stranger.api('GET', '/providers', undefined, { prefix: '/t/other' })).body
    expect((await stranger.api('GET', '/session')).body.person).toBeNull()
    const back = await stranger.signIn('claimer', { prefix: '/t/other', provider: providers[0].id, returnTo: '/claim' })
    expect(back.url).toBe(`${broker.running.issuer}/t/other/claim`)
    expect((await stranger.api('GET', '/session', undefined, { prefix: '/t/other' })).body).toMatchObject({
      person: { subject: 'claimer' },
      tenant: { slug: 'other' },
    })
    expect(refusal(await look(account, stranger))).toEqual([403, 'other_tenant'])
    expect(refusal(await look(account, stranger, { prefix: '/t/other' }))).toEqual([410, 'claim_expired'])
    expect(refusal(await look(account, claimer, { prefix: '/t/other' }))).toEqual([403, 'other_tenant'])
    expect((await look(account)).status).toBe(200)
  })
})

describe('17: what was planted before a claim', () => {
  test('17: tokens, workload credentials and the link itself are dead with it, and stay so when the agent is let in again', async () => {
    const account = await open()
    const planted = await come(account)
    const secretBefore = account.secret
    expect((await claim(account)).status).toBe(200)
    expect((await come(account)).body.error).toBe('access_denied')
    const introspected = await broker.https.send(`${broker.running.issuer}/introspect`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Bearer ${broker.running.resourceSecrets.pop}`,
      },
      body: new URLSearchParams({ token: planted.body.access_token }).toString(),
    })
    expect(introspected.body).toEqual({ active: false })
    expect((await claimer.api('POST', `/accounts/${account.id}/readmit`, { readmit: true })).status).toBe(200)
    const other = broker.running.form({ task_id: account.taskId, subject_token: broker.running.mint({ runId: 'attacker' }) })
    expect((await broker.running.token(other, broker.running.certificate)).body.error).toBe('access_denied')
    const back = await come(account)
    expect(back.status).toBe(200)
    expect(back.body).not.toHaveProperty('claim_uri')
    const claims = JSON.parse(Buffer.from(back.body.access_token.split('.')[1], 'base64url').toString())
    expect(claims.gen).toBe(2)
    expect(refusal(await look({ secret: secretBefore }))).toEqual([409, 'already_claimed'])
    await expect(showCode(broker.running, account)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('27: requests that other sites make for whoever is signed in', () => {
  const changing = ['/claims/look', '/claims/confirm', '/claims/refuse', '/accounts/acct_0/close']

  test.each([
    ['without Origin', { origin: '' }],
    ['of another site', { origin: 'https://evil.example' }],
    ['of a sandboxed frame', { origin: 'null' }],
    ['of another port', { origin: 'https://localhost:1' }],
    ['without TLS', { origin: 'http://localhost' }],
    ['that the browser says are cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['that the browser says are same-site only', { 'sec-fetch-site': 'same-site' }],
  ])('27: %s are refused before their body is read, and change nothing', async (_what, headers) => {
    const account = await open()
    for (const path of changing)
      expect(refusal(await claimer.api('POST', path, { secret: account.secret }, { headers }))).toEqual([403, 'origin_refused'])
    const out = await claimer.send(`${broker.running.issuer}/console/sign-out`, { method: 'POST', headers, body: '{}' })
    expect(out.status).toBe(403)
    expect((await look(account)).status).toBe(200)
  })

  test('27: as forms are no JSON, whatever they are called', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/json; charset=utf-16',
    ])
      expect((await claimer.api('POST', '/claims/look', { secret: 'x' }, { headers: { 'content-type': type } })).status).toBe(415)
  })

  test('27: pages run only the broker’s own files and are shown in no frame', async () => {
    for (const path of ['/claim', '/console', '/t/other/console/accounts'])
      expect((await broker.https.send(`${broker.running.issuer}${path}`)).headers).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; style-src 'self';(?!.*unsafe)/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
      })
    const answer = await claimer.api('GET', '/session')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.headers.has('access-control-allow-origin')).toBe(false)
  })

  test('27: paths lead to no file but the console’s own', async () => {
    for (const path of [
      '/console/assets/../index.html',
      '/console/assets/%2e%2e/%2e%2e/package.json',
      '/console/assets/',
      '/console/x',
    ])
      expect((await broker.https.send(`${broker.running.issuer}${path}`)).status).toBeGreaterThanOrEqual(400)
  })
})

describe('33: a claim secret', () => {
  const { admin } = { admin: () => broker.database.admin }
  const ends: readonly [string, (account: OpenedAccount) => PromiseLike<unknown>][] = [
    [
      'its deadline passed, whatever a worker did',
      ({ uuid }) => admin()`update mayfly.account set deadline = clock_timestamp() where id = ${uuid}`,
    ],
    ['it was completed', ({ uuid }) => admin()`update mayfly.account set state = 'm' where id = ${uuid}`],
    ['it expired', ({ uuid }) => admin()`update mayfly.account set state = 'e' where id = ${uuid}`],
    ['it was revoked', ({ uuid }) => admin()`update mayfly.account set state = 'r' where id = ${uuid}`],
    ['it was closed', ({ uuid }) => admin()`update mayfly.account set state = 'x' where id = ${uuid}`],
    ['it is gone', ({ uuid }) => admin()`delete from mayfly.account where id = ${uuid}`],
  ]

  test.each(ends)('33: neither looks, claims, refuses nor polls once %s', async (_what, end) => {
    const account = await open()
    const code = await showCode(broker.running, account)
    expect((await status(account.secret)).body).toMatchObject({ status: 'pending', expires_at: expect.any(String) })
    await end(account)
    expect(refusal(await look(account))).toEqual([410, 'claim_expired'])
    expect(refusal(await confirm(account, { code }))).toEqual([410, 'claim_expired'])
    expect(refusal(await claimer.api('POST', '/claims/refuse', { secret: account.secret }))).toEqual([410, 'claim_expired'])
    expect((await status(account.secret)).status).toBe(410)
    expect(await ownerOf(account)).toHaveLength(0)
  })

  test('33: of a claimed account tells that it is claimed, not by whom, and no longer than the deadline that the account had', async () => {
    const account = await open()
    await claim(account)
    expect((await status(account.secret)).body).toEqual({ status: 'claimed', claimed_at: expect.any(String) })
    expect((await status(newClaimSecret(account.uuid))).status).toBe(410)
    expect((await status(account.secret, '/t/other')).status).toBe(410)
    await admin()`update mayfly.claim_code set secret_until = clock_timestamp() where account_id = ${account.uuid}`
    expect((await status(account.secret)).status).toBe(410)
    expect(refusal(await look(account))).toEqual([410, 'claim_expired'])
  })

  test('33: polled often without success turns the address away', async () => {
    const deps = createClaimDeps(broker.running.broker.deps)
    const tenantId = parseId('tenant', broker.running.ids.tenant)!
    await expect(readClaimStatus(deps, tenantId, newClaimSecret(tenantId))).rejects.toMatchObject({ code: 'claim_expired' })
    const replies = await Promise.all(Array.from({ length: 260 }, () => status(newClaimSecret(tenantId))))
    expect(new Set(replies.map(reply => reply.status))).toEqual(new Set([410, 429]))
  })
})
