import { Type } from 'typebox'
import { defineEvents } from './event-type.ts'
import { actor, byOperator, count, facts, maybe, oneOf, text } from './fields.ts'

/** Who read the log, what left it, and what befell it. */
export const logEvents = defineEvents({
  'audit.read': {
    version: 1,
    about: 'Somebody read the log.',
    facts: facts({
      ...actor,
      operation: text('the call: method and route'),
      filters: maybe(
        Type.Record(Type.String(), Type.Unknown(), { description: 'names of the filters, and values that are ours' }),
      ),
      entries: maybe(count('how many were shown')),
    }),
    retention: 'security',
    decision: 'allow',
    parties: { ...byOperator, subject: ['leaf.tenant'] },
    ocsf: { class: 3004, activity: 2, entity: { type: 'audit log', at: 'leaf.tenant' } },
  },
  'audit.exported': {
    version: 1,
    about: 'Somebody exported a part of the log.',
    facts: facts({
      ...actor,
      format: oneOf(['tiles', 'entries', 'ndjson', 'csv', 'ocsf']),
      from: maybe(count('first position')),
      to: maybe(count('the position behind the last')),
    }),
    retention: 'security',
    decision: 'allow',
    parties: { ...byOperator, subject: ['leaf.tenant'] },
    ocsf: { class: 3004, activity: 2, entity: { type: 'audit log', at: 'leaf.tenant' } },
  },
  'log.restored': {
    version: 1,
    about:
      'An earlier state of the database was restored: this shard of the log begins with the leaves that it still had, and this entry.',
    facts: facts({
      by: oneOf(['evidence', 'operator'], 'what said so: a checkpoint kept outside, or somebody'),
      from_shard: text('uuid of the shard that broke off'),
      to_shard: text('uuid of the shard that begins here'),
      size: count('how many leaves the restored log had'),
      sealed_shard: maybe(text('shard of the last checkpoint that is known')),
      sealed_size: maybe(count('how many leaves it stands for')),
      sealed_root: maybe(text('its root, base64')),
      unknown_shards: maybe(
        Type.Array(
          facts({
            shard: text('its uuid'),
            size: maybe(count('how many leaves its last checkpoint stands for')),
            root: maybe(text('the root of that, base64')),
          }),
          {
            description:
              'logs that were sealed and that the restored database had never heard of, as after an earlier restore of it',
          },
        ),
      ),
    }),
    retention: 'security',
    parties: { decision: ['facts.by'] },
    ocsf: { class: 3004, activity: 3, severity: 4, entity: { type: 'audit log', at: 'facts.to_shard' } },
  },
  'log.key_changed': {
    version: 1,
    about: 'From now on other keys sign the log than before: one came in, or one ceased.',
    facts: facts({
      origin: text('name of the log'),
      keys: Type.Array(text('verifier key, c2sp.org/signed-note'), {
        description: 'those that sign from now on, the newest first',
      }),
    }),
    retention: 'security',
    parties: { decision: ['facts.keys'] },
    ocsf: { class: 3004, activity: 3, severity: 3, entity: { type: 'audit log', at: 'facts.origin' } },
  },
  'log.thinned': {
    version: 1,
    about:
      'Of the checkpoints of an hour that is long over the last one was kept, and those that something names; the others went.',
    facts: facts({
      hour: text('YYYY-MM-DDTHH, UTC'),
      checkpoints: count('how many went'),
    }),
    retention: 'security',
    parties: {},
    ocsf: { class: 3004, activity: 4, entity: { type: 'audit log', at: 'facts.hour' } },
  },
})
