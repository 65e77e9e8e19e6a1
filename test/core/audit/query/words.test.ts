import { describe, expect, test } from 'vitest'
import { type AuditWords, filterOf, namesOf } from '#core/audit/query/words.ts'
import { formatId, newUuid } from '#core/ids/id.ts'

const id = newUuid(1_790_000_000_000)

describe('words become a filter', () => {
  const day = Date.UTC(2026, 10, 23)
  test.each<[string, AuditWords, object]>([
    ['none: everything', {}, {}],
    ['an account', { account: formatId('account', id) }, { accounts: [id] }],
    ['a token', { jti: formatId('token', id) }, { token: id }],
    ['a credential that did it', { actor: formatId('credential', id) }, { actor: id }],
    ['a person that did it', { actor: formatId('person', id) }, { person: id }],
    ['an agent that did it', { actor: formatId('agent', id) }, { agent: id }],
    ['a person that let it pass', { approver: formatId('person', id) }, { approver: id }],
    ['a thing of whatever kind', { about: formatId('resource', id) }, { about: id }],
    ['types and groups of types', { type: 'token.denied,account.*' }, { types: ['token.denied'], prefixes: ['account.'] }],
    ['what an account has not', { without: 'account.claimed' }, { without: 'account.claimed' }],
    ['decisions', { decision: 'deny,defer' }, { decisions: ['d', 'f'] }],
    ['a reason', { reason: 'unknown_scope' }, { reason: 'unknown_scope' }],
    ['the beginning of a reason', { reason: 'scope*' }, { reason_prefix: 'scope' }],
    ['days, each of them whole', { from: '2026-11-23', to: '2026-11-23' }, { from: day, before: day + 86_400_000 }],
    ['moments', { from: '2026-11-23T01:00:00+01:00', to: '2026-11-23T00:00:01.5Z' }, { from: day, before: day + 1_500 }],
  ])('%s', (_, words, filter) => expect(filterOf(words)).toEqual(filter))

  test.each<[string, AuditWords]>([
    ['an id of another kind', { account: formatId('agent', id) }],
    ['an actor that is none', { actor: formatId('resource', id) }],
    ['two agents', { agent: formatId('agent', newUuid(1)), actor: formatId('agent', id) }],
    ['a type without a group', { type: 'token' }],
    ['everything as a type', { type: '*' }],
    ['an empty type', { type: 'token.issued,' }],
    ['several types that are not there', { without: 'account.claimed,account.closed' }],
    ['a decision that is none', { decision: 'maybe' }],
    ['a member of every object as a decision', { decision: 'constructor' }],
    ['a day that does not exist', { from: '2026-02-30' }],
    ['a time without its zone', { from: '2026-11-23T08:00:00' }],
    ['a time in other words', { to: 'yesterday' }],
    ['something that is no id', { about: "res_' or true --" }],
  ])('refuses %s instead of finding nothing', (_, words) => expect(() => filterOf(words)).toThrow())
})

test('what is asked is named in one order, and a task by nothing but that one was given', () => {
  expect(namesOf({ type: 'token.*', task: 'report of Jane', agent: 'agt_1' })).toEqual({
    agent: 'agt_1',
    task: 'given',
    type: 'token.*',
  })
  expect(Object.keys(namesOf({ type: 'a', agent: 'b' }))).toEqual(Object.keys(namesOf({ agent: 'b', type: 'a' })))
})
