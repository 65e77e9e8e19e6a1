import type { RunningBroker } from './running-broker.ts'

export interface OtherTenant {
  readonly id: string
  readonly issuer: string
  /** Of its tenant-admin. */
  readonly token: string
  /** POSTs under /v1 as its admin; throws when the answer is not 201; gives the new id. */
  register(path: string, body: unknown): Promise<string>
}

/** A second tenant, made by the platform-admin, with an admin of its own. */
export async function createOtherTenant(running: RunningBroker, slug: string): Promise<OtherTenant> {
  const made = await running.v1('POST', '/v1/tenants', { slug, name: slug }, running.platformToken)
  const operator = { name: `${slug} admin`, role: 'tenant-admin', tenant: made.body.id }
  const { body } = await running.v1('POST', '/v1/operators', operator, running.platformToken)
  return {
    id: made.body.id,
    issuer: made.body.issuer,
    token: body.token,
    async register(path, entry) {
      const answer = await running.v1('POST', path, entry, body.token)
      if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
      return answer.body.id
    },
  }
}
