// What Claude Code tells a hook on standard input: one JSON object. Only what names the session and the sub-agent is read; what people
// and models wrote (prompts, transcripts, messages) is none of our business.

import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'

export interface HookInput {
  readonly sessionId: string
  /** Undefined where the hook is not about a sub-agent. */
  readonly agentId: string | undefined
}

/** The names become parts of task ids and of file names. */
const id = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/

/** Throws a CliError for what is no input of such a hook. */
export async function readHookInput(io: Io, wants: 'session' | 'subagent'): Promise<HookInput> {
  const given = io.terminal.in ? undefined : parse(await io.readInput())
  const { session_id: sessionId, agent_id: agentId } = given ?? {}
  if (!isId(sessionId) || (wants === 'subagent' ? !isId(agentId) : agentId !== undefined && !isId(agentId))) {
    const names = wants === 'subagent' ? 'session_id and agent_id' : 'session_id'
    throw new CliError({
      what: 'This is no input of a Claude Code hook.',
      why: `Standard input must be a JSON object with ${names}.`,
      next: 'Name this command in .claude/settings.json: docs/how-to/claude-code.md',
    })
  }
  return { sessionId, agentId: isId(agentId) ? agentId : undefined }
}

/** The session that a program was started in by Claude Code; undefined outside of any. */
export function sessionOf({ env }: Io): string | undefined {
  const sessionId = env['CLAUDE_CODE_SESSION_ID']
  return isId(sessionId) ? sessionId : undefined
}

const isId = (value: unknown): value is string => typeof value === 'string' && id.test(value)

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
