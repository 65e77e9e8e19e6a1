import type { Target } from '#core/connector/connector.ts'
import { newUuid } from '#core/ids/id.ts'

/** A step for a new attachment; what a test says replaces the rest. */
export function targetOf(changes: Partial<Target>): Target {
  return {
    attachmentId: newUuid(),
    accountId: newUuid(),
    tenantId: newUuid(),
    agentId: newUuid(),
    config: {},
    admin: {},
    rotation: 1,
    deadlineSeconds: Math.floor(Date.now() / 1000) + 600,
    signal: new AbortController().signal,
    untilMs: Date.now() + 60_000,
    ...changes,
  }
}
