import { type BodyFlag, type Operation, type PathPart, row } from './operation.ts'
import { ofTenant } from './operator-rows.ts'

// What the log forgets, and what it may not.

const erasure: PathPart = { parameter: 'id', argument: 'erasure' }
const hold: PathPart = { parameter: 'id', argument: 'hold', within: '/v1/legal-holds', by: ['matter'] }
const person: PathPart = { parameter: 'person', argument: 'person', within: '/v1/people', by: ['email', 'subject', 'name'] }
const agent: PathPart = { parameter: 'agent', argument: 'agent', within: '/v1/agents', by: ['name'] }

const erasureRows: readonly Operation[] = [
  row('audit erasures list', 'GET /v1/erasures', 'List erasures, and how far they have come', {
    answer: 'list',
    columns: ['status', 'asked_at', 'keys', 'bodies', 'in_ledger', 'id'],
    examples: [{ text: 'what is under way', command: 'mayfly audit erasures list' }],
  }),
  row('audit erasures show', 'GET /v1/erasures/{id}', 'Show one erasure', {
    answer: 'thing',
    parts: [erasure],
    examples: [{ text: 'whether it is finished', command: 'mayfly audit erasures show ers_…' }],
  }),
]

const onlyOf = (member: string, summary: string, names?: PathPart): BodyFlag => ({
  type: 'string',
  member,
  value: member.toUpperCase(),
  summary,
  ...(names && { names }),
})

const holdRows: readonly Operation[] = [
  row('audit hold place', 'POST /v1/legal-holds', 'Place a legal hold: what it covers is neither erased nor dropped', {
    answer: 'thing',
    about: 'Without an account, an agent or a person it covers everything of the tenant.',
    flags: {
      matter: { type: 'string', member: 'matter', value: 'TEXT', required: true, summary: 'what it is for; name nobody here' },
      account: onlyOf('account', 'only what concerns this account'),
      agent: onlyOf('agent', 'only what concerns this agent', agent),
      person: onlyOf('person', 'only what concerns this person', person),
    },
    examples: [
      { text: 'everything, from now on', command: 'mayfly audit hold place --matter "case 2026-14"' },
      { text: 'one account', command: 'mayfly audit hold place --matter "case 2026-14" --account acct_…' },
    ],
  }),
  row('audit hold list', 'GET /v1/legal-holds', 'List legal holds', {
    answer: 'list',
    columns: ['matter', 'covers', 'target', 'placed_at', 'lifted_at', 'id'],
    examples: [{ text: 'those that last and those that are lifted', command: 'mayfly audit hold list' }],
  }),
  row('audit hold show', 'GET /v1/legal-holds/{id}', 'Show one legal hold', {
    answer: 'thing',
    parts: [hold],
    examples: [{ text: 'by its matter', command: 'mayfly audit hold show "case 2026-14"' }],
  }),
  row('audit hold lift', 'POST /v1/legal-holds/{id}/lift', 'Lift a legal hold', {
    answer: 'thing',
    about: 'What it kept beyond its time goes with the next round of the worker.',
    parts: [hold],
    asks: true,
    look: '/v1/legal-holds/{id}',
    examples: [{ text: 'when the case is closed', command: 'mayfly audit hold lift "case 2026-14"' }],
  }),
]

const retention = '/v1/tenants/{id}/retention'
const months = (name: string, summary: string): BodyFlag => ({
  type: 'string',
  member: name,
  as: 'number',
  value: 'MONTHS',
  summary,
})

const retentionRows: readonly Operation[] = [
  row('audit retention show', `GET ${retention}`, 'Show how long bodies of the log stay', {
    answer: 'thing',
    parts: [ofTenant],
    examples: [{ text: 'of your tenant', command: 'mayfly audit retention show' }],
  }),
  row('audit retention set', `PUT ${retention}`, 'Say how long bodies of the log stay, in months', {
    answer: 'thing',
    about: 'Leaves stay for ever, so every proof holds. What is left out is as the deployment has it.',
    parts: [ofTenant],
    flags: {
      security: months('security', 'who changed what, what was revoked: 12 at least'),
      standard: months('standard', 'accounts and their tokens: 3 at least'),
      short: months('short', 'what guards report: 1 at least'),
    },
    asks: true,
    examples: [
      { text: 'two years for tokens, ten for changes', command: 'mayfly audit retention set --standard 24 --security 120' },
    ],
  }),
]

export const forgettingRows: readonly Operation[] = [...erasureRows, ...holdRows, ...retentionRows]
