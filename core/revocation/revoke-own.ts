// RFC 7009: a client takes back a token that it got here. Who it is, is proven as at the token endpoint; a token that is bound to a key
// can also be taken back by whoever proves that key, and one that is bound to none by whoever has it, for nothing else was ever asked.
//
// A token that is none of ours, has ended or is revoked already is answered like one that was just revoked (§ 2.2): there is nothing
// to find out here about tokens that the caller does not hold.

import { BrokerError } from '#core/errors/broker-error.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { boundKeysOf, type KeyRequest, type PresentedKeys } from '#core/exchange/presented-keys.ts'
import { proveKeys } from '#core/exchange/prove-keys.ts'
import { newUuid, parseId } from '#core/ids/id.ts'
import { type OwnTokens, taskTokenTypes } from '#core/introspection/own-tokens.ts'
import { delegationTokenTyp } from '#core/issuer-token/issuer-token.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import { isSameKey, readBoundKey } from '#core/subject/bound-key.ts'
import { findPinnedKey } from '#core/subject/pinned-key.ts'
import type { Trx } from '#db/connect.ts'
import { readRevocable } from './revocable.ts'
import { revokeToken } from './revoke.ts'

export interface OwnRevocationDeps {
  readonly exchange: ExchangeDeps
  readonly ownTokens: OwnTokens
  /** One transaction in a tenant. */
  readonly transact: (tenantId: string, work: (trx: Trx) => Promise<void>) => Promise<void>
}

export interface OwnRevocation extends Omit<KeyRequest, 'request'> {
  readonly token: string
  readonly clientId: string | undefined
  readonly clientAssertion: string | undefined
}

const types = new Set([...taskTokenTypes, delegationTokenTyp])

/**
 * Returns when the revocation is committed, or there is nothing to revoke. Throws BrokerError `client_not_authenticated`, `not_your_token`,
 * `too_many_requests`, `log_unavailable`, and what proving a key throws.
 */
export async function revokeOwnToken(deps: OwnRevocationDeps, call: OwnRevocation): Promise<void> {
  const { exchange } = deps
  const { snapshot, address } = call
  const tenantId = snapshot.tenant.id
  const caller = await identify(exchange, call)
  exchange.rejections.admit(address, () => caller.agentId !== undefined)
  const token = await readToken(deps, snapshot, call.token)
  // Whoever sends junk pays for the signatures that are checked.
  if (!token) return exchange.rejections.count(tenantId, address, 'revoke_unknown_token')
  refuseForeign(caller, token)
  const { revocable, expiresSeconds } = token
  const nowMs = exchange.clock.nowMs()
  if (expiresSeconds * 1000 <= nowMs || (await exchange.isRevoked(tenantId, revocable))) return
  const { tokenId } = revocable
  const facts = { by: 'agent', agent: token.clientId }
  const order = { id: newUuid(nowMs), tenantId, facts, nowMs }
  const known = { tokenId, untilSeconds: expiresSeconds, ...token.ids }
  await deps
    .transact(tenantId, trx => revokeToken(trx, order, known))
    .catch(cause => {
      throw cause instanceof BrokerError ? cause : new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
    })
}

interface Caller {
  /** uuid; undefined: no key that came is an agent's own. */
  readonly agentId: string | undefined
  readonly presented: PresentedKeys
  readonly clientId: string | undefined
}

async function identify(exchange: ExchangeDeps, call: OwnRevocation): Promise<Caller> {
  const { snapshot, clientId, clientAssertion } = call
  const none = { work: undefined, taskId: undefined, targets: [], scope: undefined, authorizationDetails: undefined }
  const presented = await proveKeys(exchange, { ...call, request: { clientAssertion, ...none } })
  const { certificate, clientKey, dpop } = presented
  const byCertificate = certificate && exchange.certificates.verify(snapshot, certificate, exchange.clock.nowMs())
  const thumbprint = clientKey ?? dpop?.thumbprint
  const byKey = thumbprint === undefined ? undefined : findPinnedKey(snapshot, thumbprint)?.agent.id
  const agentId = byKey ?? (byCertificate?.ok ? byCertificate.subject.agent.id : undefined)
  if (clientId !== undefined && agentId !== undefined && parseId('agent', clientId) !== agentId)
    throw new BrokerError('client_not_authenticated', { hint: 'client_id names another agent than the one that proved its key.' })
  return { agentId, presented, clientId }
}

async function readToken({ ownTokens }: OwnRevocationDeps, snapshot: TenantSnapshot, text: string) {
  const jwt = await ownTokens.read(snapshot, text, types)
  const revocable = jwt && readRevocable(jwt)
  if (!revocable || revocable.issuer !== snapshot.tenant.issuer) return undefined
  const { exp, client_id, cnf } = jwt.payload
  const ids = { accountId: parseId('account', revocable.accountId), agentId: parseId('agent', String(client_id)) }
  if (typeof exp !== 'number' || ids.agentId === undefined || parseId('token', revocable.tokenId) === undefined) return undefined
  return { revocable, expiresSeconds: exp, clientId: String(client_id), ids, isBound: cnf !== undefined, key: readBoundKey(cnf) }
}

/** Throws `not_your_token` for one of another client, `client_not_authenticated` where nothing shows whose it is. RFC 7009 § 2.1. */
function refuseForeign(
  { agentId, presented, clientId }: Caller,
  token: NonNullable<Awaited<ReturnType<typeof readToken>>>,
): void {
  const isNamed = clientId === undefined || clientId === token.clientId
  const isOwn = agentId !== undefined && agentId === token.ids.agentId
  const isHeld = token.key !== undefined && boundKeysOf(presented).some(key => isSameKey(key, token.key))
  if (isNamed && (isOwn || isHeld)) return
  if (agentId !== undefined || !isNamed) throw new BrokerError('not_your_token')
  if (!token.isBound) return
  throw new BrokerError('client_not_authenticated', {
    hint: 'The token is bound to a key: prove that key, or authenticate as the client that it was issued to.',
  })
}
