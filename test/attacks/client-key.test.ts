// Attacks with keys: certificates that prove nothing or somebody else, headers that claim one, stolen workload tokens, and
// instances of one agent that reach for each other's accounts.

import { createHash, X509Certificate } from 'node:crypto'
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDevCa, type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { Pins } from '#core/exchange/pins.ts'
import { type BadCertificate, type CertificateSet, makeCertificates } from '#test/setup/certificates.ts'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { otherSignature } from '#test/setup/forged-jwt.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { countAccounts, readLog } from '#test/setup/log-reader.ts'
import { type Answer, agentUri } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const thumbprint = (certificate: IssuedCertificate) =>
  createHash('sha256').update(new X509Certificate(certificate.certificatePem).raw).digest('base64url')
/** Whoever makes a CA can have any name certified by it. */
let thief: IssuedCertificate
let unnamed: IssuedCertificate
beforeAll(async () => {
  const now = new Date()
  thief = await issueClientCertificate(await createDevCa({ now, commonName: 'Thief' }), { uris: [agentUri], now })
  unnamed = await issueClientCertificate(broker.running.ca, { uris: ['spiffe://test.example/nobody'], now })
})

const exchange = (changes: Record<string, string | undefined>, certificate?: IssuedCertificate) =>
  broker.running.token(broker.running.form(changes), certificate)

/** As expected, and nothing was opened or handed out. */
async function expectRefusal(work: () => Promise<Answer>, status: number, error: string): Promise<Answer> {
  const before = await countAccounts(broker.database.admin)
  const answer = await work()
  expect([answer.status, answer.body.error]).toEqual([status, error])
  for (const member of ['access_token', 'account_id', 'task_id', 'claim_uri']) expect(answer.body).not.toHaveProperty(member)
  expect(await countAccounts(broker.database.admin)).toBe(before)
  return answer
}

describe('14: headers bring no certificate, no address and no host', () => {
  const der = () => new X509Certificate(broker.running.certificate.certificatePem).raw
  const headers: Record<string, () => Record<string, string>> = {
    'X-Forwarded-Client-Cert': () => ({
      'x-forwarded-client-cert': `Hash=${der().toString('hex')};Cert="${encodeURIComponent(broker.running.certificate.certificatePem)}";URI=${agentUri}`,
    }),
    'Client-Cert (RFC 9440)': () => ({
      'client-cert': `:${der().toString('base64')}:`,
      'client-cert-chain': `:${der().toString('base64')}:`,
    }),
    'nginx’s and others’': () => ({
      'x-ssl-client-cert': encodeURIComponent(broker.running.certificate.certificatePem),
      'x-ssl-client-verify': 'SUCCESS',
      'x-client-cert': der().toString('base64'),
      'cf-client-cert-der-base64': der().toString('base64'),
      'cf-client-cert-verified': 'true',
    }),
  }
  test.each(Object.keys(headers))('%s is ignored on both listeners', async name => {
    for (const base of [broker.running.issuer, broker.running.config.mtlsUrl])
      for (const certificate of base === broker.running.issuer ? [undefined] : [undefined, thief, unnamed])
        await expectRefusal(
          () =>
            broker.https.send(`${base}/token`, {
              method: 'POST',
              certificate,
              headers: { ...formHeaders, ...headers[name]!() },
              body: formBody(broker.running.form({ task_id: `spoofed ${name}`.replaceAll(/[^a-z]/gi, '') })),
            }),
          401,
          'invalid_client',
        )
  })

  test('forwarding headers change neither issuer nor claim_uri', async () => {
    const spoofed = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example',
      'x-original-host': 'evil.example',
    }
    const answer = await broker.running.token(broker.running.form({ task_id: 'hosts' }), broker.running.certificate, spoofed)
    expect(answer.text).not.toContain('evil')
    expect(answer.body.claim_uri.startsWith(`${broker.running.issuer}/claim#`)).toBe(true)
    expect(decodeJwt(answer.body.access_token).iss).toBe(broker.running.issuer)
  })
})

describe('15: a certificate proves an agent only by the anchors of its trust source, in time, for its purpose', () => {
  let set: CertificateSet
  beforeAll(async () => {
    set = await makeCertificates(new Date(), agentUri)
    const answer = await broker.running.v1('POST', '/v1/trust-sources', {
      kind: 'x509_ca',
      name: 'second ca',
      anchors_pem: [set.ca.certificatePem],
    })
    const rule = { trust_source: answer.body.id, san_uri: agentUri }
    const changed = await changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ rules }) => ({
      rules: [...rules, rule],
    }))
    expect(changed.status).toBe(200)
  })

  test('the good one beside them is taken', async () => {
    const { status, text } = await exchange({ task_id: 'good-certificate' }, set.good)
    expect([status, text]).toEqual([200, expect.any(String)])
  })

  const bad: BadCertificate[] = [
    'expired',
    'notYetValid',
    'otherCa',
    'sameNameOtherKey',
    'noClientAuth',
    'noUsage',
    'belowPathLength',
    'issuedByLeaf',
    'twoUris',
    'otherUri',
  ]
  test.each(bad)('%s', async name => {
    await expectRefusal(() => exchange({ task_id: `bad-${name}` }, set.bad[name]), 401, 'invalid_client')
  })

  test('another agent’s certificate does not prove this one', async () => {
    const { running } = broker
    const uri = 'spiffe://test.example/second'
    const { body: view } = await running.v1('GET', `/v1/agents/${running.ids.agent}`)
    const { owner, review_on, ceiling } = view
    const rules = [{ trust_source: running.ids.x509, san_uri: uri }]
    expect((await running.v1('POST', '/v1/agents', { name: 'second', owner, review_on, ceiling, rules })).status).toBe(201)
    const second = await issueClientCertificate(running.ca, { uris: [uri], now: new Date() })
    await expectRefusal(() => exchange({ task_id: 'other-agents' }, second), 401, 'invalid_client')
    // Nor a bearer agent’s token, which needs no key but must not be mixed with another agent’s.
    const subject_token = running.mint({ sub: 'bearer-workload', runId: 'mixed' })
    await expectRefusal(() => exchange({ subject_token }, second), 401, 'invalid_client')
  })

  test('a subject token whose cnf names another certificate is refused with the agent’s own', async () => {
    const { running } = broker
    const bound = running.mint({ cnf: { 'x5t#S256': thumbprint(thief) } })
    await expectRefusal(() => exchange({ subject_token: bound, task_id: 'cnf' }, running.certificate), 401, 'invalid_client')
    for (const cnf of [{ jkt: 'A'.repeat(43) }, { kid: 'x' }, {}, { 'x5t#S256': '' }, { 'x5t#S256': 7 as never }]) {
      const subject_token = running.mint({ cnf: cnf as Record<string, string> })
      const answer = await exchange({ subject_token, task_id: 'cnf' }, running.certificate)
      expect([400, 401]).toContain(answer.status)
    }
  })
})

describe('35: a stolen workload token is worth nothing with the thief’s own key', () => {
  test('of an agent that must prove a key: without key, with any other certificate, by either grant', async () => {
    const { running } = broker
    const stolen = running.mint({ runId: 'stolen' })
    expect((await exchange({ subject_token: stolen }, running.certificate)).status).toBe(200)
    for (const certificate of [undefined, thief, unnamed]) {
      await expectRefusal(() => exchange({ subject_token: stolen }, certificate), 401, 'invalid_client')
      const grant = {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: stolen,
        subject_token: undefined,
        subject_token_type: undefined,
      }
      await expectRefusal(() => exchange(grant, certificate), 401, 'invalid_client')
    }
  })

  test('whose cnf names the owner’s certificate: also for the agent’s other certificates', async () => {
    const { running } = broker
    const own = await issueClientCertificate(await createDevCa({ now: new Date(), commonName: 'Node' }), {
      uris: ['spiffe://node/1'],
      now: new Date(),
    })
    const stolen = running.mint({ runId: 'bound', cnf: { 'x5t#S256': thumbprint(own) } })
    // The issuer vouches for this key by name, so no trust source needs to know its CA.
    const { body } = await exchange({ subject_token: stolen }, own)
    expect(decodeJwt(body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(own) })
    for (const certificate of [undefined, thief, unnamed, running.certificate])
      await expectRefusal(() => exchange({ subject_token: stolen }, certificate), 401, 'invalid_client')
  })

  const bearer = (runId: string) => broker.running.mint({ sub: 'bearer-workload', runId })

  test('of a bearer agent that used a key first: pinned to it until its end', async () => {
    const stolen = bearer('pinned')
    const first = await exchange({ subject_token: stolen }, unnamed)
    expect(decodeJwt(first.body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(unnamed) })
    for (const certificate of [undefined, thief])
      await expectRefusal(() => exchange({ subject_token: stolen }, certificate), 401, 'invalid_client')
    expect((await exchange({ subject_token: stolen }, unnamed)).body.account_id).toBe(first.body.account_id)
  })

  test('of a bearer agent that used none: no key can be put in its place', async () => {
    const stolen = bearer('pinned-without-key')
    expect((await exchange({ subject_token: stolen })).status).toBe(200)
    await expectRefusal(() => exchange({ subject_token: stolen }, thief), 401, 'invalid_client')
  })

  test('of a bearer agent, with its signature written in another way that verifies too: pinned all the same', async () => {
    const stolen = bearer('malleable')
    const first = await exchange({ subject_token: stolen }, unnamed)
    const again = otherSignature(stolen)
    expect(again).not.toBe(stolen)
    for (const certificate of [undefined, thief])
      await expectRefusal(() => exchange({ subject_token: again }, certificate), 401, 'invalid_client')
    // It does verify: for its owner it is the same token.
    expect((await exchange({ subject_token: again }, unnamed)).body.account_id).toBe(first.body.account_id)
  })

  test('the thief first, then the owner: the owner is refused, learns nothing of the thief, and the log shows both', async () => {
    const from = (await readLog(broker.database.admin)).length
    const stolen = bearer('thief-first')
    const theft = await exchange({ subject_token: stolen }, thief)
    expect(theft.status).toBe(200)
    const answer = await expectRefusal(() => exchange({ subject_token: stolen }), 401, 'invalid_client')
    expect(answer.text).not.toContain(thumbprint(thief))
    expect(answer.text).not.toContain(theft.body.account_id)
    const events = (await readLog(broker.database.admin, from)).map(entry => [
      entry.leaf.type,
      entry.body?.reason ?? entry.body?.binding,
    ])
    expect(events).toEqual(
      expect.arrayContaining([
        ['token.issued', 'bearer'],
        ['token.denied', 'pinned_to_other_key'],
      ]),
    )
  })

  test('at the same time, exactly one key wins', async () => {
    const stolen = bearer('race')
    const keys = [undefined, thief, unnamed]
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => exchange({ subject_token: stolen }, keys[i % 3])))
    const winners = new Set(answers.flatMap((answer, i) => (answer.status === 200 ? [i % 3] : [])))
    expect(winners.size).toBe(1)
    for (const answer of answers) expect([200, 401]).toContain(answer.status)
  })

  test('a pin outlives the broker’s memory: it stands in the database', async () => {
    const stolen = bearer('durable')
    await exchange({ subject_token: stolen }, unnamed)
    Object.assign(broker.running.broker.deps.exchange, { pins: new Pins() })
    await expectRefusal(() => exchange({ subject_token: stolen }), 401, 'invalid_client')
  })
})

describe('36: an instance stays out of the accounts of the agent’s other instances', () => {
  const as = (runId: string, changes: Record<string, string | undefined> = {}) =>
    exchange({ subject_token: broker.running.mint({ runId }), ...changes }, broker.running.certificate)

  test('by naming its task_id or its account_id, known or guessed', async () => {
    const mine = await as('instance-1', { task_id: 'invoice-7' })
    expect(mine.status).toBe(200)
    const { account_id } = mine.body
    await expectRefusal(() => as('instance-2', { task_id: 'invoice-7' }), 400, 'access_denied')
    await expectRefusal(() => as('instance-2', { account_id }), 400, 'access_denied')
    await expectRefusal(() => as('instance-2', { account_id, task_id: 'invoice-7' }), 400, 'access_denied')
    const derived = await as('instance-1')
    await expectRefusal(() => as('instance-2', { task_id: derived.body.task_id }), 400, 'access_denied')
    expect((await as('instance-1', { account_id })).body.account_id).toBe(account_id)
  })

  test('without a run claim it is nobody’s instance', async () => {
    const { body } = await as('instance-3', { task_id: 'task-of-3' })
    const subject_token = broker.running.mint({ runId: undefined as never })
    await expectRefusal(
      () => exchange({ subject_token, account_id: body.account_id }, broker.running.certificate),
      400,
      'access_denied',
    )
    await expectRefusal(() => exchange({ subject_token, task_id: 'task-of-3' }, broker.running.certificate), 400, 'access_denied')
  })

  test('another agent’s account is refused in the same words as one that does not exist', async () => {
    const { running } = broker
    const other = await exchange({ subject_token: running.mint({ sub: 'bearer-workload', runId: 'b' }) })
    const known = await expectRefusal(() => as('instance-1', { account_id: other.body.account_id }), 400, 'access_denied')
    const unknown = await expectRefusal(() => as('instance-1', { account_id: `acct_${'a'.repeat(32)}` }), 400, 'access_denied')
    expect(known.body).toEqual(unknown.body)
  })

  test('two instances with one task_id at the same time: one opens, the other is refused', async () => {
    const answers = await Promise.all(['x', 'y', 'x', 'y'].map(runId => as(runId, { task_id: 'contested' })))
    const won = answers.map(answer => answer.status === 200)
    expect(won[0]).toBe(won[2])
    expect(won[1]).toBe(won[3])
    expect(won[0]).not.toBe(won[1])
  })
})
