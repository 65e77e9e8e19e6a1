// What proves a key beside the TLS handshake: a DPoP proof and a client assertion. Each is good for one use, so both are checked
// once for a request and not again when its decision is made anew.

import { verifyClientAssertion } from '#core/client/verify-client-assertion.ts'
import { verifyDpopProof } from '#core/dpop/verify-proof.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { type BoundKey, isSameKey, keyOfCertificate } from '#core/subject/bound-key.ts'
import type { SubjectRefusal } from '#core/subject/subject.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import type { KeyRequest, PresentedKeys } from './presented-keys.ts'
import { proveWork } from './prove-work.ts'

/** Nothing is waited for, and nothing looked at, where only a certificate came. Throws BrokerError. */
export function proveKeys(deps: ExchangeDeps, input: KeyRequest): PresentedKeys | Promise<PresentedKeys> {
  const { certificate, request, dpop } = input
  if (request.clientAssertion === undefined && dpop === undefined && request.work === undefined)
    return { certificate, dpop: undefined, clientKey: undefined }
  return proveMore(deps, input)
}

async function proveMore(deps: ExchangeDeps, input: KeyRequest): Promise<PresentedKeys> {
  const { snapshot, certificate, address } = input
  // A signature check is the costly part: who has failed too often comes back later, unless its certificate says who it is.
  const nowMs = deps.clock.nowMs()
  deps.rejections.admit(address, () => certificate !== undefined && deps.certificates.verify(snapshot, certificate, nowMs).ok)
  // The proof first: who is sent back for its nonce may then come again with the same assertion.
  const thumbprint = input.dpop && (await proveDpopKey(deps, input, input.dpop))
  const dpop: BoundKey | undefined = thumbprint === undefined ? undefined : { kind: 'jkt', thumbprint }
  const clientKey = await proveClient(deps, input, dpop)
  const work = await proveWork(deps, input, dpop ?? (certificate && keyOfCertificate(certificate)))
  return { certificate, dpop, clientKey, work }
}

/** The thumbprint of the proof's key. RFC 9449 §§ 5, 8. */
async function proveDpopKey(
  deps: ExchangeDeps,
  { snapshot, address }: KeyRequest,
  { proof, urls }: { readonly proof: string; readonly urls: readonly string[] },
): Promise<string> {
  const nowMs = deps.clock.nowMs()
  const { nonces } = deps
  const nextNonce = () => ({ dpopNonce: nonces.issue(nowMs) })
  const verify = (url: string) => verifyDpopProof(proof, { method: 'POST', url, nowMs, nonces, requireNonce: true })
  let result = await verify(urls[0]!)
  for (const url of urls.slice(1)) if (!result.ok && result.reason === 'wrong_target') result = await verify(url)
  if (!result.ok && result.code === 'use_dpop_nonce')
    throw new BrokerError('dpop_nonce_required', { hint: result.hint, detail: result.reason, ...nextNonce() })
  const refuseProof = (reason: string, hint: string): BrokerError => {
    deps.rejections.count(snapshot.tenant.id, address, reason)
    return new BrokerError('dpop_proof_refused', { hint, detail: reason, ...nextNonce() })
  }
  if (!result.ok) throw refuseProof(result.reason, result.hint)
  if (!(await deps.firstUses.consume(snapshot.tenant.id, 'dpop', result.use, result.expiresSeconds)))
    throw refuseProof('replayed_proof', 'It was used before; make a new one with a new jti for each request.')
  return result.jkt
}

/** The thumbprint of the registered key; undefined: no assertion came. dpop: the key that was proven beside it. */
async function proveClient(deps: ExchangeDeps, input: KeyRequest, dpop: BoundKey | undefined): Promise<string | undefined> {
  const { snapshot, request, certificate, address } = input
  const { clientAssertion: assertion } = request
  if (assertion === undefined) return undefined
  const refuseClient = ({ reason, hint }: Pick<SubjectRefusal, 'reason' | 'hint'>): BrokerError => {
    deps.rejections.count(snapshot.tenant.id, address, reason)
    return new BrokerError('client_not_authenticated', { hint, detail: reason })
  }
  const client = await verifyClientAssertion(snapshot, assertion, deps.clock.nowMs())
  if (!client.ok) throw refuseClient(client)
  const { use, expiresSeconds, thumbprint, boundKey } = client
  const byCertificate = certificate && keyOfCertificate(certificate)
  if (boundKey && !isSameKey(boundKey, dpop) && !isSameKey(boundKey, byCertificate))
    throw refuseClient({ reason: 'other_key', hint: 'The client assertion is bound to another key; present that one.' })
  if (!(await deps.firstUses.consume(snapshot.tenant.id, 'client_assertion', use, expiresSeconds)))
    throw refuseClient({
      reason: 'replayed_assertion',
      hint: 'This client assertion was used before; make a new one with a new jti.',
    })
  return thumbprint
}
