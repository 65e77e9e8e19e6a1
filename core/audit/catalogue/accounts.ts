import { Type } from 'typebox'
import { defineEvents, type OcsfMapping } from './event-type.ts'
import { byVisitor, count, facts, flag, idOf, maybe, maybeActor, oneOf, seconds, text, visitor, who, word } from './fields.ts'

/** Why an account changed, whoever did it. */
const because = {
  ...who,
  reason: maybe(word('why')),
  ancestor: maybe(text('id of the ancestor that ended, or asked')),
  revocation: maybe(idOf('revocation', 'which it is a part of')),
}
/** The same for all changes, so that one function makes their events. */
const change = facts({
  ...because,
  late_ms: maybe(Type.Integer({ description: 'how long after the deadline it was noticed; the account was dead at once' })),
  deadline: maybe(seconds('the new deadline')),
  ceiling: maybe(text('number of the ceiling that holds from now on')),
  narrowed: maybe(flag('whether the claimer left it less than it had')),
  readmitted: maybe(flag('whether the agent may come back in')),
  review_on: maybe(Type.Union([text('YYYY-MM-DD'), Type.Null()], { description: 'when its owner must look at it again' })),
})
const why = facts({ reason: text('in the words of who revoked it') })

const parties = {
  subject: ['leaf.account'],
  actors: ['facts.actor_person', 'facts.actor', 'facts.ancestor', 'leaf.agent'],
  proof: ['facts.token', 'facts.actor'],
  decision: ['facts.reason', 'facts.approved_by_person'],
} as const
const ocsf = (activity: number): OcsfMapping => ({
  class: 3004,
  activity,
  entity: { type: 'account', at: 'leaf.account' },
})
const changed = (about: string, activity: number) =>
  ({ version: 1, about, facts: change, private: why, retention: 'standard', parties, ocsf: ocsf(activity) }) as const

/** The life of an account. */
export const accountEvents = defineEvents({
  'account.opened': {
    version: 1,
    about: 'A temporary account was opened.',
    facts: facts({
      ...maybeActor,
      ahead: maybe(flag('opened by an orchestrator before the agent came')),
      ceiling: maybe(text('number of its ceiling')),
      deadline: seconds('when it ends'),
      parent: maybe(text('uuid of its parent account')),
      root: maybe(text('uuid of the account whose authority it uses')),
      depth: maybe(count('how far below that')),
    }),
    private: facts({
      address: text('of the connection'),
      authorization_details: maybe(Type.Array(Type.Unknown(), { description: 'of the first token' })),
      issuer: maybe(text('of the workload’s proof')),
      resource_hash: maybe(text('of the first token')),
      scope: maybe(Type.Array(Type.String(), { description: 'of the first token' })),
      subject: maybe(text('of the workload’s proof')),
      task_id: text('the task'),
    }),
    retention: 'standard',
    decision: 'allow',
    parties: {
      subject: ['leaf.account', 'private.issuer', 'private.subject'],
      actors: ['facts.actor_person', 'facts.actor', 'leaf.agent'],
      proof: ['facts.actor'],
    },
    ocsf: ocsf(1),
  },
  'account.extended': changed('Its deadline was moved.', 3),
  'account.completed': changed('Its task is done; it ended.', 4),
  'account.expired': changed('Its deadline passed; it had ended then.', 4),
  'account.revoked': changed('It was revoked, with every token of it.', 4),
  'account.claimed': { ...changed('A person took it over; every earlier credential died.', 3), decision: 'allow' },
  'account.closed': changed('Its owner closed it.', 4),
  'account.readmitted': changed('Its owner let the agent back in.', 13),
  'account.suspended': changed('The agent of a claimed account was shut out.', 12),
  'account.narrowed': changed('Its owner left it less than it had.', 3),
  'account.reaped': changed('Its row was collected; a tombstone and this log remain.', 4),
  'account.reinstated': {
    version: 1,
    about: 'An account that waited since a restore went on where it had stopped.',
    facts: facts({
      ...maybeActor,
      by: maybe(oneOf(['deadline'], 'its deadline has passed meanwhile, so nobody need look at it')),
    }),
    retention: 'security',
    decision: 'allow',
    parties: { subject: ['leaf.account'], actors: ['facts.actor_person', 'facts.actor'], decision: ['facts.by'] },
    ocsf: ocsf(3),
  },
  'account.holder_bound': {
    version: 1,
    about: 'The first key that used the credential of an account opened ahead became its holder.',
    facts: facts({ key: word('kind of the key') }),
    retention: 'standard',
    parties: { subject: ['leaf.account'], actors: ['leaf.agent'], proof: ['facts.key'] },
    ocsf: ocsf(3),
  },
  'account.claim_secret_renewed': {
    version: 1,
    about: 'Its claim link was replaced, because whoever opened it asked again.',
    facts: facts(maybeActor),
    retention: 'standard',
    parties: { subject: ['leaf.account'], actors: ['facts.actor', 'leaf.agent'] },
    ocsf: ocsf(3),
  },
  'account.claim_code_made': {
    version: 1,
    about: 'The agent got a code to show to whoever claims.',
    facts: facts({}),
    retention: 'standard',
    parties: { subject: ['leaf.account'], actors: ['leaf.agent'] },
    ocsf: ocsf(3),
  },
  'account.claim_code_refused': {
    version: 1,
    about: 'Somebody who wanted to claim typed a wrong code.',
    facts: facts({ ...visitor, attempts_left: count('tries that remain') }),
    retention: 'security',
    decision: 'deny',
    parties: { ...byVisitor, subject: ['leaf.account'] },
    ocsf: ocsf(3),
  },
  'account.claim_refused': {
    version: 1,
    about: 'A person refused to claim it; the link died.',
    facts: facts(visitor),
    retention: 'standard',
    decision: 'deny',
    parties: { ...byVisitor, subject: ['leaf.account'] },
    ocsf: ocsf(3),
  },
  'account.review_set': {
    version: 1,
    about: 'Its owner said when to look at it again.',
    facts: facts({ ...visitor, review_on: text('YYYY-MM-DD') }),
    retention: 'standard',
    parties: { ...byVisitor, subject: ['leaf.account'] },
    ocsf: ocsf(3),
  },
  'account.torn_down': {
    version: 1,
    about: 'All that had been made outside for an account that ended is gone or kept: the teardown receipt.',
    facts: facts({
      attachments: Type.Array(
        facts({
          attachment: idOf('attachment'),
          outcome: oneOf(['destroyed', 'kept']),
          receipt: maybe(text('hash of the leaf of its own receipt')),
          destroyed: maybe(Type.Unknown({ description: 'what, how many, how many bytes' })),
        }),
      ),
    }),
    retention: 'security',
    parties: { subject: ['leaf.account'], actors: ['leaf.agent'], decision: ['facts.attachments'] },
    ocsf: ocsf(4),
  },
})
