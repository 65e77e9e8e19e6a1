// Who may manage: sign-in providers, people, operator tokens, the two-person rule and what waits for it.

import { expiresIn, name, tenant } from './flags.ts'
import { type Kind, type Operation, type PathPart, partOf, row, usualOperations } from './operation.ts'
import { tenants } from './registry-rows.ts'

const signInProviders: Kind = {
  plural: 'sign-in-providers',
  noun: 'sign-in provider',
  example: '"company login"',
  columns: ['name', 'issuer', 'client_id', 'groups_claim', 'id'],
}

const clientSecret = '/v1/sign-in-providers/{id}/client-secret'
const clientSecretRows: Operation[] = [
  row('sign-in-providers set-secret', `PUT ${clientSecret}`, "Set the secret of the console's client at a provider", {
    answer: 'nothing',
    about:
      'For providers that take browsers only with a client secret. The file holds {"client_secret": …}; it is never shown again.',
    parts: [partOf(signInProviders)],
    file: true,
    examples: [{ text: 'from a file', command: 'mayfly sign-in-providers set-secret "company login" -f secret.json' }],
  }),
  row('sign-in-providers forget-secret', `DELETE ${clientSecret}`, "Forget the secret of the console's client at a provider", {
    answer: 'nothing',
    parts: [partOf(signInProviders)],
    asks: true,
    examples: [
      { text: 'when the client became a public one', command: 'mayfly sign-in-providers forget-secret "company login"' },
    ],
  }),
]

const operatorRows: Operation[] = [
  row('operators list', 'GET /v1/operators', 'List operator tokens', {
    answer: 'list',
    columns: ['name', 'role', 'tenant', 'expires_at', 'id'],
    query: { tenant },
    examples: [{ text: 'those of your tenant', command: 'mayfly operators list' }],
  }),
  row('operators create', 'POST /v1/operators', 'Create an operator token', {
    answer: 'secret',
    about: 'For programs. People sign in: mayfly login.',
    flags: {
      name,
      role: { type: 'string', member: 'role', value: 'ROLE', required: true, summary: 'platform-admin, tenant-admin, auditor …' },
      tenant,
      'expires-in': expiresIn('the token'),
    },
    examples: [
      { text: 'for a quarterly audit', command: 'mayfly operators create --name audit --role auditor --expires-in 7d' },
      {
        text: 'into a file that only you can read',
        command: 'mayfly operators create --name ci --role tenant-admin --out ci-token',
      },
    ],
  }),
  row('operators delete', 'DELETE /v1/operators/{id}', 'End an operator token', {
    answer: 'nothing',
    parts: [{ parameter: 'id', argument: 'operator', within: '/v1/operators', by: ['name'] }],
    asks: true,
    examples: [{ text: 'by name or id', command: 'mayfly operators delete audit' }],
  }),
]

const peopleRows: Operation[] = [
  row('people list', 'GET /v1/people', 'List people who have signed in', {
    answer: 'list',
    columns: ['name', 'email', 'issuer', 'subject', 'last_seen_at', 'id'],
    examples: [{ text: 'who was here', command: 'mayfly people list --all' }],
  }),
  row('people sign-out', 'POST /v1/people/{id}/sign-out', 'End all sessions and tokens of a person', {
    answer: 'thing',
    about: 'For somebody who leaves: sessions end, and so do the operator tokens that this person answers for.',
    parts: [{ parameter: 'id', argument: 'person', within: '/v1/people', by: ['email', 'subject', 'name'] }],
    asks: true,
    examples: [{ text: 'by address', command: 'mayfly people sign-out sam@example.com' }],
  }),
]

export const ofTenant: PathPart = { ...partOf(tenants), own: true }
const rule = '/v1/tenants/{id}/two-person'
const twoPersonRows: Operation[] = [
  row('two-person get', `GET ${rule}`, 'Show which changes need two people', {
    answer: 'thing',
    parts: [ofTenant],
    examples: [{ text: 'of your tenant', command: 'mayfly two-person get' }],
  }),
  row('two-person set', `PUT ${rule}`, 'Say which changes need two people', {
    answer: 'thing',
    about:
      'Classes: trust (trust sources), ceilings (agents, resources), keys, operators, audit (erasing, retention, lifting a hold). Those not named need one person again.',
    parts: [ofTenant],
    flags: {
      classes: {
        type: 'string',
        member: 'classes',
        as: 'list',
        value: 'LIST',
        required: true,
        summary: 'with commas between them',
      },
    },
    examples: [{ text: 'for what opens the house', command: 'mayfly two-person set --classes trust,ceilings,keys,operators' }],
  }),
  row('two-person off', `PUT ${rule}`, 'Let one person be enough again', {
    answer: 'thing',
    about: 'Where the rule is on, this waits for a second person as well.',
    parts: [ofTenant],
    body: { classes: [] },
    asks: true,
    examples: [{ text: 'in your tenant', command: 'mayfly two-person off' }],
  }),
]

const change: PathPart = { parameter: 'id', argument: 'change' }
const changeRows: Operation[] = [
  row('changes list', 'GET /v1/changes', 'List changes that wait or waited for a second person', {
    answer: 'list',
    columns: ['status', 'class', 'method', 'path', 'proposed_by.person.name', 'created_at', 'id'],
    query: {
      status: { type: 'string', member: 'status', value: 'STATUS', choices: ['waiting'], summary: 'only those that wait' },
    },
    examples: [{ text: 'what waits', command: 'mayfly changes list --status waiting' }],
  }),
  row('changes get', 'GET /v1/changes/{id}', 'Show one change beside how things stand now', {
    answer: 'thing',
    parts: [change],
    examples: [{ text: 'before you decide', command: 'mayfly changes get chg_…' }],
  }),
  row('changes approve', 'POST /v1/changes/{id}/approve', 'Let a change of another person pass', {
    answer: 'thing',
    about: 'It is done at once. It is shown before you are asked.',
    parts: [change],
    asks: true,
    look: '/v1/changes/{id}',
    examples: [{ text: 'after you looked at it', command: 'mayfly changes approve chg_…' }],
  }),
  row('changes reject', 'POST /v1/changes/{id}/reject', 'Refuse a change, or take back your own', {
    answer: 'thing',
    parts: [change],
    examples: [{ text: 'by its id', command: 'mayfly changes reject chg_…' }],
  }),
  row('changes collect', 'POST /v1/changes/{id}/collect', 'Do what was approved and get its secret', {
    answer: 'secret',
    about: 'For an operator token that you asked for and somebody else approved: only you get it, once.',
    parts: [change],
    examples: [{ text: 'into a file that only you can read', command: 'mayfly changes collect chg_… --out ci-token' }],
  }),
  row('changes break-glass', 'POST /v1/changes/{id}/break-glass', 'Let a change pass alone, in an emergency', {
    answer: 'thing',
    about: 'It raises an alarm and is kept with your reason.',
    parts: [change],
    flags: {
      reason: { type: 'string', member: 'reason', value: 'TEXT', required: true, summary: 'why nobody else could be asked' },
    },
    asks: true,
    look: '/v1/changes/{id}',
    examples: [
      {
        text: 'nobody else can be reached',
        command: 'mayfly changes break-glass chg_… --reason "the CA is compromised, nobody answers"',
      },
    ],
  }),
]

/** In the order of help pages. */
export const operatorTableRows: readonly Operation[] = [
  ...usualOperations(signInProviders),
  ...clientSecretRows,
  ...operatorRows,
  ...peopleRows,
  ...twoPersonRows,
  ...changeRows,
]
