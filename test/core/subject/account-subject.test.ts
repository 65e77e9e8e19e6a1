import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAccountCredentials, openerOfCredential } from '#core/account/account-credential.ts'
import { newUuid } from '#core/ids/id.ts'
import { AccountSubjects } from '#core/subject/account-subject.ts'
import type { BoundKey } from '#core/subject/bound-key.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { HolderBinding } from '#db/accounts/hold-account.ts'
import type { AccountRow } from '#db/accounts/read-accounts.ts'

const credentialOf = createAccountCredentials(randomBytes(32))
const key = (): BoundKey => ({ kind: 'x5t#S256', thumbprint: randomBytes(32).toString('base64url') })
const hexOf = ({ thumbprint }: BoundKey): string => Buffer.from(thumbprint, 'base64url').toString('hex')
const nowMs = Date.now()

function world(changes: Partial<AccountRow> = {}, named?: BoundKey) {
  const id = newUuid()
  const credential = credentialOf(id)
  const account = {
    ...{ id, tenantId: 'a-tenant', agentId: 'an-agent', taskKey: newUuid(), taskId: 'a-task', state: 'a', generation: 1 },
    ...{ deadlineSeconds: nowMs / 1000 + 60, ceilingId: '1', opener: openerOfCredential(credential, named) },
    ...{ openingKey: null, rootId: null, readmitted: false },
    ...changes,
  } as AccountRow
  const asked = { byId: 0, held: 0 }
  let holder: string | null = null
  const subjects = new AccountSubjects(
    {
      recall: taskKey => (asked.byId > 0 && taskKey === account.taskKey ? account : undefined),
      async findById(_tenantId, wanted) {
        asked.byId += 1
        return wanted === id ? account : undefined
      },
    },
    async (binding: HolderBinding) => {
      asked.held += 1
      if (account.state === 'a') holder ??= binding.key
      return holder
    },
  )
  const agent = { id: 'an-agent', clientId: 'agt_1' }
  const snapshot = { tenant: { id: 'a-tenant' }, agents: new Map([[agent.id, agent]]) } as never
  const verify = (text = credential, keys: readonly BoundKey[] = []) => subjects.verify(snapshot, text, keys)
  const hold = (subject: VerifiedSubject, by: BoundKey) => subjects.hold(snapshot, subject, by, nowMs)
  return { id, credential, account, asked, verify, hold, holder: () => holder }
}

async function subjectOf(result: ReturnType<ReturnType<typeof world>['verify']>): Promise<VerifiedSubject> {
  const found = await result
  if (!found.ok) throw new Error(found.reason)
  return found.subject
}
const reasonOf = async (result: ReturnType<ReturnType<typeof world>['verify']>): Promise<string> => {
  const found = await result
  return found.ok ? 'ok' : found.reason
}

describe('who holds an account', () => {
  test('is its agent, in this account alone, and proves nothing yet', async () => {
    const { verify, id } = world()
    expect(await subjectOf(verify())).toMatchObject({
      account: { id, taskId: 'a-task' },
      boundKey: undefined,
      agent: { id: 'an-agent' },
    })
  })

  test('is looked up once, and its key asked for once', async () => {
    const { verify, hold, asked } = world()
    const by = key()
    for (let n = 0; n < 3; n++) expect(await hold(await subjectOf(verify()), by)).toBe('held')
    expect(asked).toEqual({ byId: 1, held: 1 })
  })

  test('is the first key, for good', async () => {
    const { verify, hold, holder } = world()
    const [first, second] = [key(), key()]
    const subject = await subjectOf(verify())
    expect([await hold(subject, first), await hold(subject, second), await hold(subject, first)]).toEqual([
      'held',
      'other_key',
      'held',
    ])
    expect(holder()).toBe(hexOf(first))
  })

  test('is the key that was named and no other, and then nothing is bound', async () => {
    const named = key()
    const { verify, hold, asked, credential } = world({}, named)
    expect(await reasonOf(verify())).toBe('unknown_account_credential')
    expect(await reasonOf(verify(credential, [key()]))).toBe('unknown_account_credential')
    const subject = await subjectOf(verify(credential, [key(), named]))
    expect(subject.boundKey).toEqual(named)
    expect(await hold(subject, named)).toBe('held')
    expect(asked.held).toBe(0)
  })

  test('of an account that is over is nobody', async () => {
    const { verify, hold } = world({ state: 'm' })
    expect(await hold(await subjectOf(verify()), key())).toBe('ended')
  })
})

describe('no holder', () => {
  test.each<[string, Partial<AccountRow>, string]>([
    ['of another tenant’s account', { tenantId: 'another' }, 'unknown_account_credential'],
    ['of an account whose agent is gone', { agentId: 'gone' }, 'unknown_account_credential'],
    ['of an account that was opened otherwise', { opener: '00'.repeat(32) }, 'unknown_account_credential'],
    ['of a claimed account', { state: 'c' }, 'account_claimed'],
    ['of a claimed account whose agent is back', { state: 'c', readmitted: true, generation: 2 }, 'account_claimed'],
  ])('%s', async (_, changes, reason) => {
    expect(await reasonOf(world(changes).verify())).toBe(reason)
  })

  test('by the credential of another account, or by none', async () => {
    const { verify } = world()
    expect(await reasonOf(verify(credentialOf(newUuid())))).toBe('unknown_account_credential')
    expect(await reasonOf(verify('mfa_x'))).toBe('malformed_credential')
  })
})
