// What the fake broker shows unless a test wants something else.

import type { FakeBroker } from './fake-broker.ts'

export const secret = 'mfc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG'
export const code = 'KTQM-RWXD'
export const accountId = 'acct_01a2b3c4d5e6f708192a3b4c5d6e7f80'

export const person = { name: 'Ada Okafor', issuer: 'https://login.example', subject: 'ada' }
export const tenant = { slug: 'main', name: 'Acme Robotics' }

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()

export const claimable = () => ({
  account: {
    id: accountId,
    task_id: 'ci-18442/reconcile-invoices',
    opened_at: ago(11 * 60),
    expires_at: ago(-26 * 60),
    origin_address: '198.51.100.23',
    origin_subject: 'repo:acme/billing:ref:refs/heads/main',
  },
  agent: { name: 'invoice-reconciler', owner: 'Payments platform' },
  permissions: [
    {
      text: 'GET /orders/{id} at https://orders.acme.example',
      entry: { type: 'agent_http', locations: ['https://orders.acme.example'], methods: ['GET'], uri_template: '/orders/{id}' },
    },
    {
      text: 'POST /refunds at https://orders.acme.example',
      entry: { type: 'agent_http', locations: ['https://orders.acme.example'], methods: ['POST'], uri_template: '/refunds' },
    },
  ],
  scopes: [{ scope: 'orders:read', text: 'See orders and what is in them' }],
  readmission: { offered: true },
  claimable: true,
})

export const account = () => ({
  id: accountId,
  task_id: 'ci-18442/reconcile-invoices',
  state: 'claimed',
  agent: { name: 'invoice-reconciler', owner: 'Payments platform' },
  opened_at: ago(900),
  claimed_at: ago(20),
  origin_address: '198.51.100.23',
  review_on: new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, 10),
  readmitted: true,
  permissions: claimable().permissions,
  scopes: claimable().scopes,
  readmission: { offered: true },
  attachments: [{ id: 'att_1', connector: 'reports-database', kind: 'postgres', state: 'active' }],
})

/** Signed in, a link that may be claimed with `code`, one account. */
export function setSamples(fake: FakeBroker): void {
  fake.requests.length = 0
  fake.urls.length = 0
  for (const key of Object.keys(fake.answers)) delete fake.answers[key]
  Object.assign(fake.answers, {
    'GET /session': { status: 200, body: { person, tenant, role: null } },
    'GET /providers': {
      status: 200,
      body: {
        providers: [
          { id: 'idp_1', name: 'Acme single sign-on' },
          { id: 'idp_2', name: 'Contractors' },
        ],
      },
    },
    'POST /claims/look': { status: 200, body: claimable() },
    'POST /claims/confirm': (request => {
      if (request.body['code'] === code) return { status: 200, body: { account: account() } }
      return { status: 400, body: { code: 'wrong_code', attempts_left: 4 } }
    }) as FakeBroker['answers'][string],
    'POST /claims/refuse': { status: 204 },
    'GET /accounts': { status: 200, body: { accounts: [account()] } },
    [`GET /accounts/${accountId}`]: { status: 200, body: account() },
    'POST /console/sign-out': { status: 204 },
  })
}
