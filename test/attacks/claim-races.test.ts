// A claim whose ground is taken away a moment before its commit: rows 16, 33 and 39 of docs/threat-model.md.

import { expect, test } from 'vitest'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import { confirmClaim } from '#core/claim/confirm.ts'
import { parseId } from '#core/ids/id.ts'
import { createSessionFinder } from '#core/operators/sign-in/console-session.ts'
import { claimDepsOf, claimersOnly, type OpenedAccount, setClaimableBy, useClaims } from '#test/setup/claims.ts'
import { useConsole } from '#test/setup/console.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
const claims = useClaims(broker, people)

const key = { 'idempotency-key': 'the same opening' }
const openWithKey = async (task_id: string): Promise<OpenedAccount & { again(): Promise<string | undefined> }> => {
  const ask = async () => {
    const { form, token, certificate } = broker.running
    const { status, text, body } = await token(form({ task_id }), certificate, { ...key })
    expect(status, text).toBe(200)
    return body
  }
  const secretOf = (uri: string | undefined) => uri && new URL(uri).hash.slice(1)
  const body = await ask()
  return {
    id: body.account_id,
    uuid: parseId('account', body.account_id)!,
    taskId: task_id,
    secret: secretOf(body.claim_uri)!,
    token: body.access_token,
    again: async () => secretOf((await ask()).claim_uri),
  }
}
const refuse = ({ secret }: OpenedAccount) => claims.claimer.api('POST', '/claims/refuse', { secret })
const stateOf = async ({ uuid }: OpenedAccount) =>
  (await broker.database.admin`select state::text from mayfly.account where id = ${uuid}`)[0]!['state']

/** Confirms with the right code; `before` happens when all is decided and nothing committed. */
async function confirmAfter(account: OpenedAccount, before: () => Promise<unknown>): Promise<string> {
  const { directory, database } = broker.running.broker.deps
  const deps = claimDepsOf(broker.running)
  const cookie = [...claims.claimer.jar.get(new URL(broker.running.issuer).origin)!.values()][0]!
  const session = (await createSessionFinder(database.db)(cookie))!
  const snapshot = (await directory.resolve(undefined))!
  let done: Promise<unknown> | undefined
  const transition: ClaimDeps['transition'] = async changes => {
    done ??= before()
    await done
    return deps.transition(changes)
  }
  const input = { secret: account.secret, code: await claims.code(account), readmit: false }
  return confirmClaim({ ...deps, transition }, { snapshot, session }, input, Date.now()).then(
    () => 'claimed',
    error => error.code,
  )
}

test('16: a link that was refused opens nothing, and its opener makes no new one of it', async () => {
  const account = await openWithKey('refused')
  expect((await refuse(account)).status).toBe(204)
  expect(await account.again()).toBeUndefined()
  expect((await claims.look(account)).status).toBe(410)
})

test('33: who refuses a moment before somebody else’s claim commits has refused', async () => {
  const account = await claims.open()
  expect(await confirmAfter(account, () => refuse(account))).toBe('claim_expired')
  expect(await stateOf(account)).toBe('a')
})

test('33: a link in whose place came another a moment before opens nothing', async () => {
  const account = await openWithKey('renewed')
  expect(await confirmAfter(account, account.again)).toBe('claim_expired')
  expect(await stateOf(account)).toBe('a')
})

test('39: whoever may claim no more when the claim commits becomes no owner; what else was registered meanwhile is no matter', async () => {
  const account = await claims.open()
  expect(await confirmAfter(account, () => setClaimableBy(broker.running, { groups: ['others'] }))).toBe('not_claimable_by_you')
  expect(await stateOf(account)).toBe('a')
  expect(await confirmAfter(await claims.open(), async () => {})).toBe('not_claimable_by_you')
  await setClaimableBy(broker.running, claimersOnly(people.provider))
  const other = async () => setClaimableBy(broker.running, { ...claimersOnly(people.provider), subjects: undefined })
  expect(await confirmAfter(account, other)).toBe('claimed')
})
