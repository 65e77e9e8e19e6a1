// What somebody asks of the log, as it comes over the wire, and the filter that it means. Nothing is guessed: a word that means nothing is
// refused, for whoever asks would take an empty answer for the truth.

import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid, type IdKind, parseId } from '#core/ids/id.ts'
import type { DecisionCode, EventFilter } from '#db/audit/events.ts'

export interface AuditWords {
  readonly account?: string
  readonly task?: string
  readonly agent?: string
  readonly jti?: string
  readonly actor?: string
  readonly approver?: string
  readonly about?: string
  readonly type?: string
  readonly without?: string
  readonly decision?: string
  readonly reason?: string
  readonly from?: string
  readonly to?: string
}

const codes: Readonly<Record<string, DecisionCode>> = { allow: 'a', deny: 'd', defer: 'f' }

const refuse = (hint: string): BrokerError => new BrokerError('malformed_request', { hint })

/** The filter without `tasks`, which needs to know whose they may be. Throws BrokerError `malformed_request`. */
export function filterOf(words: AuditWords): EventFilter {
  const { account, agent, jti, approver, about, type, without, decision, reason, from, to } = words
  return {
    ...(account !== undefined && { accounts: [idIn('account', 'account', account)] }),
    ...(agent !== undefined && { agent: idIn('agent', 'agent', agent) }),
    ...(jti !== undefined && { token: idIn('jti', 'token', jti) }),
    ...actorOf(words),
    ...(approver !== undefined && { approver: idIn('approver', 'person', approver) }),
    ...(about !== undefined && { about: anyId(about) }),
    ...(type !== undefined && typesOf(type)),
    ...(without !== undefined && { without: typeIn(without) }),
    ...(decision !== undefined && { decisions: decision.split(',').map(decisionOf) }),
    ...(reason !== undefined && (reason.endsWith('*') ? { reason_prefix: reason.slice(0, -1) } : { reason })),
    ...(from !== undefined && { from: momentOf('from', from, 'begin') }),
    ...(to !== undefined && { before: momentOf('to', to, 'end') }),
  }
}

function idIn(name: string, kind: IdKind, text: string): string {
  const uuid = parseId(kind, text)
  if (uuid === undefined) throw refuse(`${name}: "${text.slice(0, 40)}" is no id of that kind.`)
  return uuid
}

/** Who did it: an operator's credential, a person, an agent. */
function actorOf({ actor, agent }: AuditWords): EventFilter {
  if (actor === undefined) return {}
  const [credential, person, own] = [parseId('credential', actor), parseId('person', actor), parseId('agent', actor)]
  if (credential !== undefined) return { actor: credential }
  if (person !== undefined) return { person }
  if (own === undefined) throw refuse('actor: name a credential (crd_…), a person (psn_…) or an agent (agt_…).')
  if (agent !== undefined && parseId('agent', agent) !== own) throw refuse('actor and agent name two agents.')
  return { agent: own }
}

function anyId(text: string): string {
  const [, hex] = /^[a-z]{2,4}_([0-9a-f]{32})$/.exec(text) ?? []
  if (hex === undefined) throw refuse('about: name what was registered, changed or proposed by its id: res_…, src_…, chg_…')
  return formatUuid(hex)
}

/** `token.denied,account.*` */
function typesOf(text: string): EventFilter {
  const [types, prefixes]: [string[], string[]] = [[], []]
  for (const word of text.split(',')) {
    if (!/^[a-z_]+\.(?:[a-z_]+|\*)$/.test(word))
      throw refuse('type: write types as token.denied or account.*, with commas between them.')
    if (word.endsWith('*')) prefixes.push(word.slice(0, -1))
    else types.push(word)
  }
  return { ...(types.length > 0 && { types }), ...(prefixes.length > 0 && { prefixes }) }
}

function typeIn(word: string): string {
  if (!/^[a-z_]+\.[a-z_]+$/.test(word)) throw refuse('without: name one type, as account.claimed.')
  return word
}

function decisionOf(word: string): DecisionCode {
  const code = Object.hasOwn(codes, word) ? codes[word] : undefined
  if (code === undefined) throw refuse('decision: allow, deny or defer, with commas between them.')
  return code
}

const dayMs = 86_400_000

/** Milliseconds since the epoch. A day stands for its begin, UTC, or as the end of a range for its end. */
function momentOf(name: string, text: string, edge: 'begin' | 'end'): number {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const ms = Date.parse(isDay ? `${text}T00:00:00Z` : text)
  const isReal = isDay
    ? !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
    : rfc3339.test(text) && !Number.isNaN(ms)
  if (!isReal) throw refuse(`${name}: write a day (2026-11-23) or a time with its zone (2026-11-23T08:00:00Z).`)
  return isDay && edge === 'end' ? ms + dayMs : ms
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/** The words in one order, to name a list and to say in the log what was asked. A task is the caller's own text, which the log does not hold. */
export function namesOf(words: AuditWords): Readonly<Record<string, string>> {
  const given = Object.entries(words).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(
    given.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => [name, name === 'task' ? 'given' : text]),
  )
}
