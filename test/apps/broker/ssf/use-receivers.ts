// A broker with a receiver of security events of its first tenant, and calls as that.

import { beforeAll } from 'vitest'
import { formatId, newUuid, parseId } from '#core/ids/id.ts'
import { publishRevocations } from '#db/revocation/publish.ts'
import { type BrokerInUse, useBroker } from '#test/setup/use-broker.ts'

export const pollDelivery = { method: 'urn:ietf:rfc:8936' }

export interface ReceiversInUse {
  readonly broker: BrokerInUse
  readonly token: string
  readonly receiverId: string
  newReceiver(): Promise<{ id: string; token: string }>
  call(method: string, path: string, body?: unknown, token?: string): ReturnType<BrokerInUse['https']['send']>
  /** `evs_…` */
  newStream(body?: object): Promise<string>
  poll(stream: string, body?: object): Promise<{ sets: Readonly<Record<string, string>>; moreAvailable?: boolean }>
  /** Revokes a token that nobody has; its id. */
  revokeToken(): Promise<string>
}

export const claimsOfSet = (set: string | undefined) => JSON.parse(Buffer.from(set?.split('.')[1] ?? '', 'base64url').toString())

export function useReceivers(): ReceiversInUse {
  const broker = useBroker()
  let receiver: { id: string; token: string } | undefined
  let made = 0
  const newReceiver = async () => {
    const { status, body } = await broker.running.v1('POST', '/v1/receivers', {
      name: `receiver ${++made}`,
      audience: 'https://siem.example',
    })
    if (status !== 201) throw new Error(`no receiver: ${status}`)
    return { id: body.id as string, token: body.token as string }
  }
  beforeAll(async () => {
    receiver = await newReceiver()
  })
  const call: ReceiversInUse['call'] = (method, path, body, token = receiver!.token) =>
    broker.https.send(`${broker.running.issuer}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return {
    broker,
    get token() {
      return receiver!.token
    },
    get receiverId() {
      return receiver!.id
    },
    newReceiver,
    call,
    async newStream(body = {}) {
      // A receiver has ten at most.
      receiver = await newReceiver()
      const answer = await call('POST', '/ssf/streams', body)
      if (answer.status !== 201) throw new Error(`no stream: ${answer.status}`)
      return answer.body.stream_id
    },
    async poll(stream, body = {}) {
      const answer = await call('POST', `/ssf/poll/${stream}`, { returnImmediately: true, ...body })
      if (answer.status !== 200) throw new Error(`no poll: ${answer.status}`)
      return answer.body
    },
    async revokeToken() {
      const tenantId = parseId('tenant', broker.running.ids.tenant)!
      const subject = formatId('token', newUuid())
      const row = {
        id: newUuid(),
        tenantId,
        kind: 'j',
        subject,
        least: null,
        cause: 'token',
        by: { actor_role: 'tenant-admin' },
      } as const
      await broker.database.database.db
        .forTenant(tenantId)
        .transaction()
        .execute(trx => publishRevocations(trx, [row]))
      return subject
    },
  }
}
