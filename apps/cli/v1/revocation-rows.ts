import { tenant } from './flags.ts'
import { type Operation, type PathPart, row } from './operation.ts'

const revocation: PathPart = { parameter: 'id', argument: 'revocation' }

/** What was revoked, and whom it has reached. `revoke` is a command of its own. */
export const revocationRows: readonly Operation[] = [
  row('revocations list', 'GET /v1/revocations', 'List revocations that may still concern a token, newest first', {
    answer: 'list',
    columns: ['at', 'kind', 'subject', 'cause', 'from_epoch', 'id'],
    query: {
      kind: {
        type: 'string',
        member: 'kind',
        value: 'KIND',
        choices: ['account', 'tree', 'token', 'agent', 'key', 'tenant'],
        summary: 'only those',
      },
      subject: { type: 'string', member: 'subject', value: 'ID', summary: 'only of this token, account, agent or key' },
      cause: { type: 'string', member: 'cause', value: 'CAUSE', summary: 'only what came of it: complete, claim, agent, …' },
      tenant,
    },
    examples: [
      { text: 'the last ones', command: 'mayfly revocations list' },
      { text: 'whether an account is among them', command: 'mayfly revocations list --subject acct_…' },
    ],
  }),
  row('revocations show', 'GET /v1/revocations/{id}', 'Show one revocation, and which guards have acknowledged it', {
    answer: 'thing',
    parts: [revocation],
    examples: [{ text: 'who has not heard of it yet', command: 'mayfly revocations show rev_…' }],
  }),
]
