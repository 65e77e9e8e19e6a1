// Accounts that wait to be claimed, at a running broker.

import { beforeAll } from 'vitest'
import { createClaimDeps } from '#apps/broker/console.ts'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import type { ClaimableBy } from '#core/claim/claimable-by.ts'
import { makeClaimCode } from '#core/claim/make-claim-code.ts'
import { parseId } from '#core/ids/id.ts'
import { changeRegistration } from './change-registration.ts'
import type { ConsoleInUse, Reply, Visitor } from './console.ts'
import type { Answer } from './registration.ts'
import type { RunningBroker } from './running-broker.ts'
import type { BrokerInUse } from './use-broker.ts'

export interface OpenedAccount {
  /** `acct_…` */
  readonly id: string
  readonly uuid: string
  readonly taskId: string
  /** Of the claim link. */
  readonly secret: string
  readonly token: string
}

export const claimDepsOf = (running: RunningBroker): ClaimDeps => createClaimDeps(running.broker.deps)

/** Opens an account for a new task of the pop agent. */
export async function openAccount(
  running: RunningBroker,
  taskId: string,
  form: Record<string, string> = {},
): Promise<OpenedAccount> {
  const answer = await running.token(running.form({ task_id: taskId, ...form }), running.certificate)
  if (answer.status !== 200) throw new Error(`no account: ${answer.status} ${answer.text}`)
  const { account_id: id, claim_uri: uri, access_token: token } = answer.body
  return { id, uuid: parseId('account', id)!, taskId, secret: new URL(uri).hash.slice(1), token }
}

/** The code that the agent shows, as `POST /account/claim-code` makes it. */
export async function showCode(running: RunningBroker, account: OpenedAccount): Promise<string> {
  const tenantId = parseId('tenant', running.ids.tenant)!
  const agentId = parseId('agent', running.ids.agent)!
  const { code } = await makeClaimCode(claimDepsOf(running), { id: account.uuid, tenantId, agentId }, Date.now())
  return code
}

/** Says who may claim the accounts of the pop agent; undefined: nobody. */
export async function setClaimableBy(running: RunningBroker, claimable_by: ClaimableBy | undefined): Promise<void> {
  const answer = await changeRegistration(
    running,
    `/v1/agents/${running.ids.agent}`,
    ({ settings: { claimable_by: _, ...rest } }) => ({
      settings: { ...rest, ...(claimable_by && { claimable_by }) },
    }),
  )
  if (answer.status !== 200) throw new Error(`not changed: ${answer.status} ${answer.text}`)
}

/** What a file of tests does with claims, by the person who may. Call behind `useConsole`; reset before each file. */
export interface ClaimsInUse {
  readonly claimer: Visitor
  open(form?: Record<string, string>): Promise<OpenedAccount>
  code(account: OpenedAccount): Promise<string>
  look(account: { readonly secret: string }, visitor?: Visitor): Promise<Reply>
  confirm(account: OpenedAccount, given: object, visitor?: Visitor): Promise<Reply>
  /** With the right code. */
  claim(account: OpenedAccount, given?: object): Promise<Reply>
  /** The agent asks for a token in the account. */
  come(account: OpenedAccount, changes?: Record<string, string | undefined>): Promise<Answer>
  /** Bodies of the account's events of a type. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  events(type: string, account: OpenedAccount): Promise<any[]>
}

export const claimersOnly = (provider: string): ClaimableBy => ({ providers: [provider], groups: ['mayfly-claimers'] })

export function useClaims(broker: BrokerInUse, people: ConsoleInUse): ClaimsInUse {
  let claimer: Visitor | undefined
  let count = 0
  beforeAll(async () => {
    await setClaimableBy(broker.running, claimersOnly(people.provider))
    claimer = people.visit()
    await claimer.signIn('claimer')
  })
  const code: ClaimsInUse['code'] = account => showCode(broker.running, account)
  const confirm: ClaimsInUse['confirm'] = (account, given, visitor = claimer!) =>
    visitor.api('POST', '/claims/confirm', { secret: account.secret, readmit: false, ...given })
  return {
    get claimer() {
      return claimer!
    },
    open: (form = {}) => openAccount(broker.running, `task-${++count}`, form),
    code,
    look: ({ secret }, visitor = claimer!) => visitor.api('POST', '/claims/look', { secret }),
    confirm,
    claim: async (account, given = {}) => confirm(account, { code: await code(account), ...given }),
    come: ({ taskId }, changes = {}) =>
      broker.running.token(broker.running.form({ task_id: taskId, ...changes }), broker.running.certificate),
    async events(type, { uuid }) {
      const rows = await broker.database.admin<{ body: string }[]>`
        select b.body from log.entry e join log.body b using (position)
         where e.leaf::jsonb ->> 'type' = ${type} and e.leaf::jsonb ->> 'account' = ${uuid} order by e.position`
      return rows.map(row => JSON.parse(row.body))
    },
  }
}

/** Status and code of a refusal. */
export const refusalOf = (reply: Reply): readonly [number, string | undefined] => [reply.status, reply.body?.code]
