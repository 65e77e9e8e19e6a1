import { agentFlag, type BodyFlag, type Operation, type PathPart, row } from './operation.ts'
import { ofTenant } from './operator-rows.ts'

const account: PathPart = { parameter: 'id', argument: 'account' }
const ttl: BodyFlag = {
  type: 'string',
  member: 'ttl',
  as: 'duration',
  value: 'TIME',
  required: true,
  summary: 'how long from now it shall live: 15m, 2h; as far as its agent may',
}
const query: Readonly<Record<string, BodyFlag>> = {
  state: {
    type: 'string',
    member: 'state',
    value: 'STATE',
    choices: ['active', 'completed', 'expired', 'revoked', 'claimed', 'closed', 'held'],
    summary: 'only those',
  },
  agent: agentFlag('only of this agent'),
  task: { type: 'string', member: 'task_id', value: 'ID', summary: 'only of this task' },
}

const text = (member: string, value: string, summary: string): BodyFlag => ({ type: 'string', member, value, summary })

const usage = row('account usage', 'GET /v1/usage', 'Show what was used: tokens, denials, calls, units', {
  answer: 'list',
  about: 'Counted from the log by the worker, and kept when the accounts are gone.',
  columns: ['day', 'agent', 'account', 'opened', 'tokens', 'denials', 'calls_allowed', 'calls_refused', 'units'],
  query: {
    by: {
      ...text('by', 'GROUP', 'added up by day (if not given), agent, account or tenant'),
      choices: ['day', 'agent', 'account', 'tenant'],
    },
    agent: agentFlag('only of this agent'),
    account: text('account', 'ID', 'only of this account'),
    from: text('from', 'DAY', 'first day, UTC: 2026-11-01; else 30 days before the last'),
    to: text('to', 'DAY', 'last day, UTC; else today'),
    tenant: text('tenant', 'ID', 'whose, where you see more than one tenant'),
  },
  examples: [
    { text: 'day by day', command: 'mayfly account usage' },
    { text: 'what an agent’s accounts cost', command: 'mayfly account usage --by account --agent nightly-report --all' },
  ],
})

const limits = '/v1/tenants/{id}/limits'
const limitRows: readonly Operation[] = [
  row('limits get', `GET ${limits}`, 'Show which limits hold for a tenant', {
    answer: 'thing',
    parts: [ofTenant],
    examples: [{ text: 'of your tenant', command: 'mayfly limits get' }],
  }),
  row('limits set', `PUT ${limits}`, 'Set limits of a tenant', {
    answer: 'thing',
    about:
      'A platform-admin grants; a tenant-admin sets less than was granted. What is not named is as it is without being said.',
    parts: [ofTenant],
    file: true,
    examples: [
      { text: 'fewer accounts at a time', command: "echo 'limits: {tenant_live_accounts: 1000}' | mayfly limits set -f -" },
    ],
  }),
]

const strangers = '/v1/tenants/{id}/anonymous'
const strangerRows: readonly Operation[] = [
  row('anonymous get', `GET ${strangers}`, 'Show as which agent strangers get accounts', {
    answer: 'thing',
    parts: [ofTenant],
    examples: [{ text: 'in your tenant', command: 'mayfly anonymous get' }],
  }),
  row('anonymous set', `PUT ${strangers}`, 'Take strangers, who pay with work', {
    answer: 'thing',
    about:
      'They are nobody’s agents: the one that is named has no rules and a tiny ceiling. One tenant of a deployment takes them.',
    parts: [ofTenant],
    flags: { agent: { ...text('agent', 'ID', 'whose accounts they get'), required: true } },
    asks: true,
    examples: [{ text: 'as one agent of a tenant', command: 'mayfly anonymous set acme --agent agt_…' }],
  }),
  row('anonymous off', `DELETE ${strangers}`, 'Take strangers no more', {
    answer: 'nothing',
    parts: [ofTenant],
    asks: true,
    examples: [{ text: 'in your tenant', command: 'mayfly anonymous off' }],
  }),
]

/** Temporary accounts. `account open` and `account tree` are commands of their own. */
export const accountRows: readonly Operation[] = [
  ...limitRows,
  ...strangerRows,
  usage,
  row('account list', 'GET /v1/accounts', 'List accounts, newest first', {
    answer: 'list',
    columns: ['task_id', 'state', 'agent', 'opened_at', 'expires_at', 'id'],
    query,
    examples: [
      { text: 'what is going on', command: 'mayfly account list --state active' },
      { text: 'the account of a task', command: 'mayfly account list --task invoice-7' },
    ],
  }),
  row('account show', 'GET /v1/accounts/{id}', 'Show one account, or what is left of it', {
    answer: 'thing',
    parts: [account],
    examples: [{ text: 'by its id', command: 'mayfly account show acct_…' }],
  }),
  row('account extend', 'POST /v1/accounts/{id}/extend', 'Move the end of an account', {
    answer: 'thing',
    parts: [account],
    flags: { ttl },
    examples: [{ text: 'another half hour', command: 'mayfly account extend acct_… --ttl 30m' }],
  }),
  row('account complete', 'POST /v1/accounts/{id}/complete', 'Say that the task of an account is done', {
    answer: 'thing',
    parts: [account],
    examples: [{ text: 'its tokens end, its quota is free again', command: 'mayfly account complete acct_…' }],
  }),
  row('account revoke', 'POST /v1/accounts/{id}/revoke', 'End an account at once, with all below it', {
    answer: 'thing',
    parts: [account],
    asks: true,
    look: '/v1/accounts/{id}',
    examples: [{ text: 'when something is wrong', command: 'mayfly account revoke acct_… --yes' }],
  }),
  row('account close', 'POST /v1/accounts/{id}/close', 'Close an account that somebody has claimed', {
    answer: 'thing',
    parts: [account],
    asks: true,
    look: '/v1/accounts/{id}',
    examples: [{ text: 'for good', command: 'mayfly account close acct_…' }],
  }),
  row('account reinstate', 'POST /v1/accounts/{id}/reinstate', 'Let an account go on that waits since a restore', {
    answer: 'thing',
    parts: [account],
    examples: [{ text: 'once you know that it was not revoked meanwhile', command: 'mayfly account reinstate acct_…' }],
  }),
]
