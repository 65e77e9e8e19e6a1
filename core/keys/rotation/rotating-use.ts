import { BrokerError } from '#core/errors/broker-error.ts'
import { builtinCaIssuer } from '#core/registry/trust-source-kinds/builtin-ca.ts'
import type { Trx } from '#db/connect.ts'
import { insertCaKey } from '#db/enrolment/ca-keys.ts'
import { findCaIssuer } from '#db/enrolment/trust-domain.ts'
import type { KeyTable } from '#db/keys/key-rows.ts'
import { insertSigningKey } from '#db/registry/signing-keys.ts'
import { caKeyAlgorithm, createCaKey } from '../ca-key.ts'
import type { KeyEncryption } from '../key-encryption.ts'
import { createSigningKey, type SigningAlgorithm, signingAlgorithms, toSigningKeyRow } from '../signing-key.ts'
import { caKeyTimes, type RotationTimes } from './times.ts'

/** A key that was made and is not stored yet. */
export interface FreshKey {
  readonly kid: string
  insert(trx: Trx, state: 'active' | 'next', nowMs: number): Promise<void>
}

/**
 * What keys are for. Rotation is the same for all of them; a row here is what differs. A further use needs a table
 * with the columns, constraints and triggers of `mayfly.signing_key` (migration 0008), a line in `keyTables` and
 * `sealedTables`, its times (`aheadSeconds`: until everybody trusts the new one; `retiringSeconds`: until the last thing that
 * the old one signed has ended), and a function like `signingKeyUse`.
 */
export interface RotatingUse {
  readonly use: 'signing' | 'ca'
  readonly table: KeyTable
  /** How its audit events begin. */
  readonly events: 'signing_key' | 'ca_key'
  readonly algs: readonly string[]
  readonly times: RotationTimes
  /** Makes a key. Takes a tenth of a second or more, so it is done before a transaction is opened. */
  create(tenantId: string, alg: string, nowMs: number): Promise<FreshKey>
}

/** All uses of a deployment. */
export function rotatingUses(
  keyEncryption: KeyEncryption,
  times: { readonly signing: RotationTimes; readonly ca?: RotationTimes },
): RotatingUse[] {
  return [signingKeyUse(keyEncryption, times.signing), caKeyUse(keyEncryption, times.ca ?? caKeyTimes)]
}

/** Keys that sign task tokens: one of each algorithm in each tenant. */
function signingKeyUse(keyEncryption: KeyEncryption, times: RotationTimes): RotatingUse {
  return {
    use: 'signing',
    table: 'mayfly.signing_key',
    events: 'signing_key',
    algs: signingAlgorithms,
    times,
    async create(tenantId, alg, nowMs) {
      const key = await createSigningKey(keyEncryption, { tenantId, alg: alg as SigningAlgorithm, nowMs })
      return { kid: key.kid, insert: (trx, state, insertedMs) => insertSigningKey(trx, toSigningKeyRow(key), state, insertedMs) }
    },
  }
}

/** Keys that sign certificates of enrolled workloads: one in each tenant that has enrolled any. */
function caKeyUse(keyEncryption: KeyEncryption, times: RotationTimes): RotatingUse {
  return {
    use: 'ca',
    table: 'mayfly.ca_key',
    events: 'ca_key',
    algs: [caKeyAlgorithm],
    times,
    async create(tenantId, _alg, nowMs) {
      const key = await createCaKey(keyEncryption, tenantId, nowMs)
      return {
        kid: key.kid,
        async insert(trx, state, insertedMs) {
          const issuer = await findCaIssuer(trx, tenantId)
          if (issuer === undefined)
            throw new BrokerError('conflict', { hint: 'This tenant has no built-in CA yet: the first join token makes it.' })
          const trustDomain = issuer.slice(builtinCaIssuer('').length)
          await insertCaKey(trx, await key.certify(trustDomain, insertedMs), state, insertedMs)
        },
      }
    },
  }
}
