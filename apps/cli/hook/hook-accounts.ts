// A session has an account, and each of its sub-agents one below it: narrower, with tokens of its own, over when the sub-agent or the
// session is.

import { randomUUID } from 'node:crypto'
import { type MayflyClient, MayflyError, type Permissions } from '../../../packages/client/src/index.ts'
import { CliError } from '../cli-error.ts'

/** The task of a session; its account is opened when it is first needed. */
export const taskOfSession = (sessionId: string): string => `claude-session-${sessionId}`

/** Accounts, `acct_…`. */
export interface Opened {
  readonly session: string
  readonly subagent: string
}

/** Opens an account for a sub-agent, with what `asked` says at most, and the session's where it has none yet. */
export async function openForSubagent(
  client: MayflyClient,
  { sessionId, agentId }: { readonly sessionId: string; readonly agentId: string },
  { resource, scope, authorizationDetails, ttl }: Permissions,
): Promise<Opened> {
  const signal = AbortSignal.timeout(openWithinMs)
  const wanted = {
    ...(scope !== undefined && { scope }),
    ...(authorizationDetails !== undefined && { authorizationDetails }),
  }
  const session = known(
    (await client.taskToken({ resource, ...wanted, taskId: taskOfSession(sessionId) }).get({ signal })).accountId,
  )
  const { agent } = await client.account(session).get({ signal })
  // The sub-agent is the same registered agent, in an account of its own.
  const { token } = await client.delegate(agent, { accountId: session, ...wanted, maxDepth: 1 }, { signal })
  const taskId = `claude-subagent-${agentId}-${randomUUID().slice(0, 8)}`
  const child = client.openChild(token, { resource, ...wanted, taskId, ...(ttl !== undefined && { ttl }) })
  return { session, subagent: known((await child.get({ signal })).accountId) }
}

/** Claude Code waits for hooks, and people for Claude Code. */
const openWithinMs = 20_000
const endWithinMs = 10_000

/** Whether an account still takes its agent in. */
export async function isLive(client: MayflyClient, accountId: string): Promise<boolean> {
  try {
    const { state } = await client.account(accountId).get({ signal: AbortSignal.timeout(endWithinMs) })
    return state === 'active'
  } catch (error) {
    if (isOver(error)) return false
    throw error
  }
}

/** Says that the task is done. One that is over already is what was wanted. */
export async function endAccount(client: MayflyClient, accountId: string): Promise<void> {
  try {
    await client.account(accountId).complete({ signal: AbortSignal.timeout(endWithinMs) })
  } catch (error) {
    if (!isOver(error)) throw error
  }
}

const isOver = (error: unknown): boolean =>
  error instanceof MayflyError && (error.error === 'access_denied' || error.status === 401)

function known(accountId: string | undefined): string {
  if (accountId !== undefined) return accountId
  throw new CliError({ what: 'The broker named no account.', next: 'Is the issuer a Mayfly broker? mayfly explain -' })
}
