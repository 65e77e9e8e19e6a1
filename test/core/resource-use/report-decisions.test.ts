import { expect, test } from 'vitest'
import { newUuid } from '#core/ids/id.ts'
import { type ReportedDecision, reportDecisions } from '#core/resource-use/report-decisions.ts'
import type { AppendRequest } from '#db/log/append.ts'

const principal = { credentialId: newUuid(), role: 'resource' as const, tenantId: newUuid(), resourceId: newUuid() }
const decision = (outcome: ReportedDecision['outcome'], count?: number): ReportedDecision => ({
  time: 1,
  outcome,
  reason: 'ok',
  count,
})

test('a guard’s decisions become one event of its own tenant and resource, counted by what they stand for', async () => {
  const appended: AppendRequest[] = []
  const log = {
    append: async (request: AppendRequest) => {
      appended.push(request)
      return 'appended' as const
    },
  }
  const decisions = [decision('allow'), decision('deny', 40), decision('deny')]
  await reportDecisions({ clock: { nowMs: () => 5 }, log }, principal, decisions)
  expect(appended).toHaveLength(1)
  const [event] = appended[0]!.events
  expect(appended[0]).toMatchObject({ tenantId: principal.tenantId, account: null, configEpoch: null })
  expect(JSON.parse(event!.leaf)).toMatchObject({ type: 'decisions.reported', tenant: principal.tenantId })
  expect(JSON.parse(event!.body)).toEqual({
    allowed: 1,
    denied: 41,
    resource: principal.resourceId,
    decisions: JSON.parse(JSON.stringify(decisions)),
  })
})

test('what cannot be logged is not acknowledged', async () => {
  const log = { append: async () => Promise.reject(new Error('the log is away')) }
  await expect(reportDecisions({ clock: { nowMs: () => 5 }, log }, principal, [decision('allow')])).rejects.toThrow(
    'the log is away',
  )
})
