// What accounts have outside: connectors, what is attached by them, and webhooks.

import { type Kind, type Operation, type PathPart, partOf, row, stamps, usualOperations } from './operation.ts'

const connectors: Kind = {
  plural: 'connectors',
  noun: 'connector',
  example: 'orders-db',
  columns: ['name', 'kind', 'scope', 'updated_at', 'id'],
  shown: ['signing_secret'],
}
const webhooks: Kind = {
  plural: 'webhooks',
  noun: 'webhook',
  example: 'operations',
  columns: ['name', 'url', 'failures', 'id'],
  shown: [...stamps, 'signing_secret', 'public_key', 'failures'],
}

const account: PathPart = { parameter: 'id', argument: 'account' }
const attachment: PathPart = { parameter: 'attachment_id', argument: 'attachment' }
const ofAccount = '/v1/accounts/{id}/attachments'
const columns = ['connector_name', 'kind', 'state', 'parked', 'failure', 'ended_at', 'id']

const attachmentRows: readonly Operation[] = [
  row('account attachments list', `GET ${ofAccount}`, 'Show what is attached to an account', {
    answer: 'list',
    parts: [account],
    columns,
    examples: [{ text: 'and what was torn down', command: 'mayfly account attachments list acct_…' }],
  }),
  row('account attachments create', `POST ${ofAccount}`, 'Attach something to an account, or renew its access', {
    answer: 'thing',
    about:
      'Nobody gets access by this, but the key that a file names as `holder_key`; else the agent asks for it itself. All access given before ends.',
    parts: [account],
    file: true,
    flags: {
      connector: { type: 'string', member: 'connector', value: 'NAME', required: true, summary: 'name or id of the connector' },
    },
    examples: [{ text: 'before the agent comes', command: 'mayfly account attachments create acct_… --connector orders-db' }],
  }),
  row('account attachments delete', `DELETE ${ofAccount}/{attachment_id}`, 'Take down one attachment', {
    answer: 'thing',
    parts: [account, attachment],
    asks: true,
    examples: [{ text: 'before its account ends', command: 'mayfly account attachments delete acct_… att_… --yes' }],
  }),
  row('account attachments retry', `POST ${ofAccount}/{attachment_id}/retry`, 'Try again what is parked', {
    answer: 'thing',
    parts: [account, attachment],
    examples: [{ text: 'when the other side is back', command: 'mayfly account attachments retry acct_… att_…' }],
  }),
  row('account attachments parked', 'GET /v1/attachments/parked', 'List attachments that cannot be taken down', {
    answer: 'list',
    columns: ['account', ...columns],
    examples: [{ text: 'what needs somebody', command: 'mayfly account attachments parked' }],
  }),
]

const messageRows: readonly Operation[] = [
  row('webhooks messages list', 'GET /v1/webhooks/{id}/messages', 'Show what was sent, or waits to be', {
    answer: 'list',
    parts: [partOf(webhooks)],
    columns: ['type', 'state', 'attempts', 'status', 'failure', 'created_at', 'id'],
    examples: [{ text: 'of one webhook', command: `mayfly webhooks messages list ${webhooks.example}` }],
  }),
  row('webhooks messages redeliver', 'POST /v1/webhooks/{id}/messages/{message_id}/redeliver', 'Send one message again', {
    answer: 'nothing',
    parts: [partOf(webhooks), { parameter: 'message_id', argument: 'message' }],
    examples: [{ text: 'by its id', command: `mayfly webhooks messages redeliver ${webhooks.example} msg_…` }],
  }),
]

const auditRows: readonly Operation[] = [
  row('webhooks audit get', 'GET /v1/webhooks/{id}/audit', 'Show how far a webhook has come with the log', {
    answer: 'thing',
    parts: [partOf(webhooks)],
    examples: [{ text: 'and why it does not take it', command: 'mayfly webhooks audit get siem' }],
  }),
  row('webhooks audit retry', 'POST /v1/webhooks/{id}/audit/retry', 'Try at once what a webhook did not take of the log', {
    answer: 'nothing',
    parts: [partOf(webhooks)],
    examples: [{ text: 'when the other side is back', command: 'mayfly webhooks audit retry siem' }],
  }),
  row('webhooks audit skip', 'POST /v1/webhooks/{id}/audit/skip', 'Leave out the message that a webhook does not take', {
    answer: 'nothing',
    about: 'Its receiver sees the gap, and the log says who did it.',
    parts: [partOf(webhooks)],
    asks: true,
    examples: [{ text: 'that nothing else helps with', command: 'mayfly webhooks audit skip siem --yes' }],
  }),
]

export const outsideRows: readonly Operation[] = [
  ...usualOperations(connectors),
  ...attachmentRows,
  ...usualOperations(webhooks),
  ...messageRows,
  ...auditRows,
]
