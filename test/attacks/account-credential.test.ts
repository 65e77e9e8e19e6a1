// The credential of an account that was opened ahead, in the hands of others and after its time. No worker runs here: nothing is ever
// collected, and still nothing that is over works.

import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { bytesOfSecret, secretOf } from '#core/ids/secret.ts'
import { useAccountsAhead } from '#test/setup/accounts-ahead.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { createOtherTenant } from '#test/setup/second-tenant.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const ahead = useAccountsAhead(broker)
let holder: IssuedCertificate
let thief: IssuedCertificate
beforeAll(async () => {
  // Who fails too often is turned away unread (threat 37); here each refusal is for a reason of its own.
  Object.assign(broker.running.broker.deps.exchange.rejections, { admit: () => {} })
  const certificate = () =>
    issueClientCertificate(broker.running.ca, { uris: [`spiffe://test.example/${randomUUID()}`], now: new Date() })
  ;[holder, thief] = [await certificate(), await certificate()]
})

const opened = async (body: Record<string, unknown> = {}): Promise<{ account_id: string; account_credential: string }> =>
  (await ahead.open({ task_id: randomUUID(), ...body })).body
const uuid = (id: string): string => id.slice(5)
const endings: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
  completed: id => broker.running.v1('POST', `/v1/accounts/${id}/complete`),
  revoked: id => broker.running.v1('POST', `/v1/accounts/${id}/revoke`),
  'past its deadline': id =>
    broker.database.admin`update mayfly.account set deadline = clock_timestamp() where id = ${uuid(id)}::uuid`,
  expired: id => broker.database.admin`update mayfly.account set state = 'e' where id = ${uuid(id)}::uuid`,
  closed: id => broker.database.admin`update mayfly.account set state = 'x' where id = ${uuid(id)}::uuid`,
  claimed: id =>
    broker.database
      .admin`update mayfly.account set state = 'c', generation = 2, deadline = 'infinity' where id = ${uuid(id)}::uuid`,
  'claimed, with its agent let back in': id =>
    broker.database
      .admin`update mayfly.account set state = 'c', generation = 2, deadline = 'infinity', readmitted = true where id = ${uuid(id)}::uuid`,
  collected: id => broker.database.admin`delete from mayfly.account where id = ${uuid(id)}::uuid`,
}

describe.each(Object.keys(endings))('17, 18, 33: the credential of an account that is %s', state => {
  test.each([
    ['was used before', true],
    ['was never used', false],
  ])('is worth nothing if it %s, neither to its holder nor to who found it', async (_, used) => {
    const { account_id, account_credential: credential } = await opened()
    if (used) expect((await ahead.token(credential, holder)).status).toBe(200)
    await endings[state]!(account_id)
    for (const certificate of [holder, thief]) {
      const { status, body } = await ahead.token(credential, certificate)
      expect([400, 401]).toContain(status)
      expect(body.access_token).toBeUndefined()
    }
    const [bound] = await broker.database.admin`select 1 from mayfly.account_holder where account_id = ${uuid(account_id)}::uuid`
    expect(bound !== undefined).toBe(used && state !== 'collected')
  })

  test('and its tokens introspect inactive: 18', async () => {
    const { account_id, account_credential: credential } = await opened()
    const { body } = await ahead.token(credential, holder)
    expect((await ahead.introspect(body.access_token)).body.active).toBe(true)
    await endings[state]!(account_id)
    expect((await ahead.introspect(body.access_token)).body).toEqual({ active: false })
  })
})

describe('13, 35: a credential in the wrong hands', () => {
  test('of twenty keys that come at the same time one gets the account, for good', async () => {
    const { account_credential: credential } = await opened()
    const keys = await Promise.all(
      Array.from({ length: 20 }, () =>
        issueClientCertificate(broker.running.ca, { uris: ['spiffe://x.example/y'], now: new Date() }),
      ),
    )
    const answers = await Promise.all(keys.map(key => ahead.token(credential, key)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.error === 'invalid_client')).toHaveLength(19)
    const winner = answers.findIndex(({ status }) => status === 200)
    const again = await Promise.all(keys.map(key => ahead.token(credential, key)))
    expect(again.map(({ status }) => status === 200)).toEqual(keys.map((_, index) => index === winner))
  })

  test('is nothing at another tenant of the deployment', async () => {
    const { account_credential: credential } = await opened()
    const other = await createOtherTenant(broker.running, 'elsewhere')
    const answer = await broker.https.send(
      `${other.issuer.replace(broker.running.issuer, broker.running.config.mtlsUrl)}/token`,
      {
        method: 'POST',
        headers: formHeaders,
        body: formBody({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: credential,
          subject_token_type: accountCredentialTokenType,
          resource: 'https://orders.example/api',
          scope: 'orders:read',
        }),
        certificate: holder,
      },
    )
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
  })

  test('19: is not to be made up from the id of an account, of this kind or any other', async () => {
    const { account_id, account_credential: credential } = await opened()
    const { running } = broker
    const usual = await running.token(running.form({ task_id: randomUUID() }), running.certificate)
    const bytes = bytesOfSecret('account', credential)!
    const idOf = (id: string) => Buffer.from(uuid(id), 'hex')
    const guesses = [
      Buffer.concat([idOf(account_id), Buffer.alloc(16)]),
      Buffer.concat([bytes.subarray(0, 31), Buffer.of(bytes[31]! ^ 1)]),
      Buffer.concat([idOf(usual.body.account_id), bytes.subarray(16)]),
      Buffer.concat([idOf(usual.body.account_id), Buffer.alloc(16)]),
    ]
    for (const guess of guesses) {
      const { status, body } = await ahead.token(secretOf('account', guess), holder)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
    expect((await ahead.token(credential, holder)).status).toBe(200)
  })

  test('36: nobody comes into the account without it, the agent it was opened for included', async () => {
    const { account_id } = await opened()
    const { running } = broker
    const byId = await running.token(running.form({ account_id }), running.certificate)
    expect([byId.status, byId.body.error]).toEqual([400, 'access_denied'])
  })
})
