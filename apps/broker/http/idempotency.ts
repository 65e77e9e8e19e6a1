// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). The answer is stored in the transaction that makes the change,
// so a process that dies between the two leaves neither, and a retry after a lost answer gets the same one. Keys belong to
// the credential that sent them. An answer that holds a secret is not stored: its repetition is refused with advice.

import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { canonicalJson } from '#core/json/canonical.ts'
import type { Trx } from '#db/connect.ts'
import { findAnswer, storeAnswer, tryLockKey } from '#db/registry/idempotency.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** An RFC 9651 string, or the bare characters that many clients send. */
const quoted = /^"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"$/
const bare = /^[A-Za-z0-9._~+/=:-]{1,255}$/

/** Throws `malformed_request` for a key that is none; undefined when none was sent. */
function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key = typeof header === 'string' ? (quoted.exec(header)?.[1] ?? bare.exec(header)?.[0]) : undefined
  if (key === undefined)
    throw new BrokerError('malformed_request', {
      hint: 'Idempotency-Key must be one quoted string of 1 to 255 ASCII characters.',
    })
  return key
}

/**
 * Does `work` at most once for a key. secret: the answer holds a secret, so it is not kept.
 * Throws `idempotency_mismatch`, `idempotency_in_flight`, `idempotency_not_replayable`, and what `work` throws.
 */
export async function once(
  trx: Trx,
  request: FastifyRequest,
  options: { readonly credentialId: string; readonly secret: boolean },
  work: () => Promise<Answer>,
): Promise<Answer> {
  const key = readIdempotencyKey(request.headers['idempotency-key'])
  if (key === undefined) return work()
  const scope = { credentialId: options.credentialId, keyHash: sha256(key) }
  const fingerprint = fingerprintOf(request)
  if (!(await tryLockKey(trx, scope))) throw new BrokerError('idempotency_in_flight', { retryAfterSeconds: 1 })
  const before = await findAnswer(trx, scope)
  if (before) {
    if (!before.fingerprint.equals(fingerprint)) throw new BrokerError('idempotency_mismatch')
    if (before.response !== null) return { status: before.status, body: before.response }
    throw new BrokerError('idempotency_not_replayable', {
      hint: 'If the answer was lost, delete what it made and ask again with a new key.',
    })
  }
  const answer = await work()
  // What waits for a second person (202) has made no secret yet.
  const isKept = !options.secret || answer.status === 202
  await storeAnswer(trx, scope, { fingerprint, status: answer.status, response: isKept ? answer.body : null })
  return answer
}

/**
 * For work that is itself done once under a name: keeps the key with what it was sent for, before the work. Returns a name for the
 * work, the same for each repetition; undefined when no key was sent. Throws `idempotency_mismatch`, `idempotency_in_flight`.
 */
export async function reserveKey(trx: Trx, request: FastifyRequest, credentialId: string): Promise<string | undefined> {
  const key = readIdempotencyKey(request.headers['idempotency-key'])
  if (key === undefined) return undefined
  const scope = { credentialId, keyHash: sha256(key) }
  const fingerprint = fingerprintOf(request)
  if (!(await tryLockKey(trx, scope))) throw new BrokerError('idempotency_in_flight', { retryAfterSeconds: 1 })
  const before = await findAnswer(trx, scope)
  if (before && !before.fingerprint.equals(fingerprint)) throw new BrokerError('idempotency_mismatch')
  if (!before) await storeAnswer(trx, scope, { fingerprint, status: 201, response: null })
  return `${credentialId} ${scope.keyHash.toString('hex')}`
}

const fingerprintOf = (request: FastifyRequest): Buffer =>
  sha256(`${request.method} ${request.url}\n${canonicalJson(request.body ?? null)}`)

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
