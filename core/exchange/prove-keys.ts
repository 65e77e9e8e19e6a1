// What proves a key beside the TLS handshake: a DPoP proof and a client assertion. Each is good for one use, so both are checked
// once for a request and not again when its decision is made anew.

import { verifyClientAssertion } from '#core/client/verify-client-assertion.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { SubjectRefusal } from '#core/subject/subject.ts'
import type { ExchangeInput } from './exchange.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { PresentedKeys } from './presented-keys.ts'

/** Nothing is waited for, and nothing looked at, where only a certificate came. Throws BrokerError. */
export function proveKeys(deps: ExchangeDeps, input: ExchangeInput): PresentedKeys | Promise<PresentedKeys> {
  const { certificate, request } = input
  if (request.clientAssertion === undefined) return { certificate, dpop: undefined, clientKey: undefined }
  return proveMore(deps, input)
}

async function proveMore(deps: ExchangeDeps, { snapshot, request, certificate, address }: ExchangeInput): Promise<PresentedKeys> {
  // A signature check is the costly part: who has failed too often comes back later, unless its certificate says who it is.
  const nowMs = deps.clock.nowMs()
  deps.rejections.admit(address, () => certificate !== undefined && deps.certificates.verify(snapshot, certificate, nowMs).ok)
  const clientKey = request.clientAssertion && (await proveClient(deps, snapshot, request.clientAssertion, address))
  return { certificate, dpop: undefined, clientKey }
}

/** The thumbprint of the registered key. */
async function proveClient(deps: ExchangeDeps, snapshot: TenantSnapshot, assertion: string, address: string): Promise<string> {
  const refuseClient = ({ reason, hint }: Pick<SubjectRefusal, 'reason' | 'hint'>): BrokerError => {
    deps.rejections.count(snapshot.tenant.id, address, reason)
    return new BrokerError('client_not_authenticated', { hint, detail: reason })
  }
  const client = verifyClientAssertion(snapshot, assertion, deps.clock.nowMs())
  if (!client.ok) throw refuseClient(client)
  const { use, expiresSeconds, thumbprint } = client
  if (!(await deps.firstUses.consume(snapshot.tenant.id, 'client_assertion', use, expiresSeconds)))
    throw refuseClient({
      reason: 'replayed_assertion',
      hint: 'This client assertion was used before; make a new one with a new jti.',
    })
  return thumbprint
}
