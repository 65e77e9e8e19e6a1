// What may be asked of the log, as flags; the same words as the API has.

import type { Context, Options } from '../command.ts'
import { findId } from '../v1/find-id.ts'
import { secondsOf } from '../v1/read-body.ts'

const text = (value: string, summary: string) => ({ type: 'string', value, summary }) as const

export const filterFlags: Options = {
  account: text('ID', 'of this account, and what guards reported of it'),
  task: text('ID', 'of the accounts of this task'),
  agent: text('AGENT', 'of this agent: its id, or its name if it is registered'),
  jti: text('ID', 'of this token, at_…'),
  actor: text('ID', 'who did it: crd_…, psn_… or agt_…'),
  approver: text('ID', 'changes that this person let pass, psn_…'),
  about: text('ID', 'what was registered, changed or proposed: res_…, src_…, chg_…'),
  type: text('TYPES', 'types with commas between them: "token.denied,account.*"'),
  without: text('TYPE', 'only of accounts that have no entry of this type'),
  decision: text('WORDS', 'allow, deny, defer; with commas between them'),
  reason: text('CODE', 'a reason code, or its beginning: "scope*"'),
  from: text('TIME', 'nothing older: 2026-11-23, 2026-11-23T08:00:00Z, or 2h, 7d ago'),
  to: text('TIME', 'nothing younger; a day is meant to its end'),
  tenant: text('ID', 'whose log, where you see more than one tenant'),
}

/** The query that the flags mean. Throws a CliError for an agent that is not there. */
export async function filtersOf(context: Context, doing: string): Promise<Record<string, string>> {
  const query: Record<string, string> = {}
  for (const name of Object.keys(filterFlags)) {
    const given = context.flags.text(name)
    if (given === undefined) continue
    if (name === 'agent') {
      const part = { parameter: 'id', argument: 'agent', within: '/v1/agents', by: ['name'] }
      query[name] = await findId(context.broker(), doing, part, given)
    } else query[name] = name === 'from' || name === 'to' ? momentOf(context, name, given) : given
  }
  return query
}

function momentOf({ io }: Context, flag: string, given: string): string {
  if (!/^\d{1,9}[smhdw]$/.test(given)) return given
  return new Date(io.nowMs() - secondsOf(flag, given) * 1_000).toISOString()
}
