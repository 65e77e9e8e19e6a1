// A tenant with three people, and the calls by which they propose and decide.

import { expect } from 'vitest'
import { type Answer, bootstrap, type Management, type Operators, ordersApi, startManagement } from './management.ts'

export interface TwoPeople {
  readonly api: Management
  readonly who: Operators
  /** `idp_…` of the first tenant. */
  readonly provider: string
  /** Sessions: two admins and an approver. */
  readonly ann: string
  readonly ben: string
  readonly cleo: string
  /** Sets the rule of the first tenant without anybody's leave. */
  demand(...classes: string[]): Promise<unknown>
  approve(change: string, token: string): Promise<Answer>
  reject(change: string, token: string): Promise<Answer>
  /** As the approver sees it. */
  look(change: string): Promise<Answer>
  /** Everything in the log: type and body. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  events(): Promise<any[]>
  /** A change of the class `ceilings` that waits. */
  propose(token?: string, body?: object): Promise<string>
}

let names = 0
export const resource = () => ({ ...ordersApi, uri: `https://api.example/${++names}` })

export const errorOf = (answer: Answer): string => answer.body.type.replace('urn:mayfly:error:', '')

export async function startTwoPeople(): Promise<TwoPeople> {
  const api = await startManagement()
  const who = await bootstrap(api)
  const provider = (await api.call('POST', '/v1/sign-in-providers', who.tenantAdmin, api.people.provider())).body.id
  const enter = async (subject: string, group: string): Promise<string> =>
    (await api.call('POST', '/v1/sessions', undefined, api.people.signIn(provider, subject, [group]))).body.token
  const ann = await enter('ann', 'mayfly-admins')
  const ben = await enter('ben', 'mayfly-admins')
  const cleo = await enter('cleo', 'mayfly-approvers')
  return {
    api,
    who,
    provider,
    ann,
    ben,
    cleo,
    demand: async (...classes) => api.admin`update mayfly.tenant set two_person = ${api.admin.json(classes)} where is_first`,
    approve: (change, token) => api.call('POST', `/v1/changes/${change}/approve`, token),
    reject: (change, token) => api.call('POST', `/v1/changes/${change}/reject`, token),
    look: change => api.call('GET', `/v1/changes/${change}`, cleo),
    async events() {
      const rows = await api.admin<{ type: string; body: string }[]>`
        select e.leaf::jsonb ->> 'type' as type, b.body from log.entry e join log.body b using (position) order by e.position`
      return rows.map(row => ({ type: row.type, ...JSON.parse(row.body) }))
    },
    async propose(token = ann, body = resource()) {
      const answer = await api.call('POST', '/v1/resources', token, body)
      expect(answer.status).toBe(202)
      return answer.body.change
    },
  }
}
