// Security events: receivers, and their streams.

import { expiresIn, name } from './flags.ts'
import { type Kind, type Operation, type PathPart, partOf, row } from './operation.ts'

const receivers: Kind = {
  plural: 'receivers',
  noun: 'receiver',
  example: 'siem',
  columns: ['name', 'audience', 'expires_at', 'id'],
}
const stream: PathPart = { parameter: 'id', argument: 'stream' }
const letter: PathPart = { parameter: 'dead_letter_id', argument: 'dead-letter' }
const streams = '/v1/ssf/streams'
const letters = `${streams}/{id}/dead-letters`

const receiverRows: readonly Operation[] = [
  row('receivers list', 'GET /v1/receivers', 'List receivers of security events', {
    answer: 'list',
    columns: receivers.columns,
    examples: [{ text: 'the first fifty', command: 'mayfly receivers list' }],
  }),
  row('receivers get', 'GET /v1/receivers/{id}', 'Show one receiver', {
    answer: 'thing',
    parts: [partOf(receivers)],
    examples: [{ text: 'by its name', command: 'mayfly receivers get siem' }],
  }),
  row('receivers create', 'POST /v1/receivers', 'Register a receiver of security events', {
    answer: 'secret',
    about:
      'With its credential it makes streams of its own: docs/how-to/ssf.md. It is told of everything that is revoked in this tenant.',
    file: true,
    flags: {
      name,
      audience: {
        type: 'string',
        member: 'audience',
        value: 'TEXT',
        summary: 'aud of what it gets; its id when nothing is said',
      },
      'expires-in': expiresIn('its credential'),
    },
    examples: [
      {
        text: 'for a SIEM',
        command: 'mayfly receivers create --name siem --audience https://siem.example.com --out receiver-token',
      },
    ],
  }),
  row('receivers token', 'POST /v1/receivers/{id}/token', 'Give a receiver another credential', {
    answer: 'secret',
    about: 'The one before goes on working for ten minutes, or as long as overlap says.',
    parts: [partOf(receivers)],
    flags: {
      'expires-in': expiresIn('it'),
      overlap: {
        type: 'string',
        member: 'overlap_seconds',
        as: 'duration',
        value: 'TIME',
        summary: 'how long the one before works',
      },
    },
    examples: [{ text: 'before it ends', command: 'mayfly receivers token siem --out receiver-token' }],
  }),
  row('receivers delete', 'DELETE /v1/receivers/{id}', 'Remove a receiver, with its streams', {
    answer: 'nothing',
    parts: [partOf(receivers)],
    asks: true,
    examples: [{ text: 'without being asked', command: 'mayfly receivers delete siem --yes' }],
  }),
]

const streamRows: readonly Operation[] = [
  row('streams list', `GET ${streams}`, 'List streams of security events, and how far they have come', {
    answer: 'list',
    columns: ['receiver_name', 'delivery', 'status', 'behind', 'waiting_since', 'failure', 'dead_letters', 'id'],
    examples: [{ text: 'who is behind', command: 'mayfly streams list' }],
  }),
  row('streams get', `GET ${streams}/{id}`, 'Show one stream', {
    answer: 'thing',
    parts: [stream],
    examples: [{ text: 'by its id', command: 'mayfly streams get evs_…' }],
  }),
  row('streams status', `POST ${streams}/{id}/status`, 'Let a stream send, pause or stop', {
    answer: 'nothing',
    about: 'Paused, it sends nothing and loses nothing. Disabled, what happens meanwhile is never sent. Its receiver is told.',
    parts: [stream],
    flags: {
      status: { type: 'string', member: 'status', value: 'STATUS', required: true, summary: 'enabled, paused or disabled' },
      reason: { type: 'string', member: 'reason', value: 'TEXT', summary: 'for the receiver' },
    },
    examples: [{ text: 'for a while', command: 'mayfly streams status evs_… --status paused --reason maintenance' }],
  }),
  row('streams dead-letters list', `GET ${letters}`, 'Show what of a stream was set aside', {
    answer: 'list',
    parts: [stream],
    columns: ['epoch', 'subject', 'err', 'description', 'due', 'at', 'id'],
    examples: [{ text: 'of one stream', command: 'mayfly streams dead-letters list evs_…' }],
  }),
  row('streams dead-letters redeliver', `POST ${letters}/{dead_letter_id}/redeliver`, 'Send again what was set aside', {
    answer: 'nothing',
    parts: [stream, letter],
    examples: [{ text: 'when its receiver takes it', command: 'mayfly streams dead-letters redeliver evs_… dlt_…' }],
  }),
  row('streams dead-letters delete', `DELETE ${letters}/{dead_letter_id}`, 'Throw away what was set aside', {
    answer: 'nothing',
    parts: [stream, letter],
    asks: true,
    examples: [{ text: 'by its id', command: 'mayfly streams dead-letters delete evs_… dlt_… --yes' }],
  }),
]

export const eventRows: readonly Operation[] = [...receiverRows, ...streamRows]
