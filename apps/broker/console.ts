// What claiming and the console are wired with.

import { createHttpsClient } from '#apps/outbound/https.ts'
import { createOutbound, ownStoresOf } from '#apps/outbound/outbound.ts'
import { createCodeMac } from '#core/claim/claim-code.ts'
import type { ClaimDeps } from '#core/claim/claim-deps.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import type { BrokerDeps } from './deps.ts'
import type { ConsoleDeps } from './routes/console/console-deps.ts'
import type { Peers } from './tls/peers.ts'

const providerTimeoutMs = 3_000

export function createClaimDeps({ database, directory, exchange, keyEncryption, config, transition }: BrokerDeps): ClaimDeps {
  const { db } = database
  return {
    dbOf: tenantId => db.forTenant(tenantId),
    transition,
    async currentSnapshot(tenantId) {
      const snapshot = await directory.refresh(tenantId)
      if (!snapshot) throw new BrokerError('not_found', { hint: 'This tenant no longer exists.' })
      return snapshot
    },
    ceilings: exchange.ceilings,
    keepCeiling: permission => exchange.ceilings.keep(permission),
    keyEncryption,
    codeMac: createCodeMac(config.keyEncryptionKey),
  }
}

export function createConsoleDeps(deps: BrokerDeps, claims: ClaimDeps, peers: Peers): ConsoleDeps {
  const { config, clock, database, directory, jwks, rejections } = deps
  const allowed = config.allowPrivateIssuers ? everythingInside : []
  const outbound = createOutbound({ allowed, ownStores: ownStoresOf(config.databaseUrl) })
  return {
    db: database.db,
    claims,
    directory,
    clock,
    publicUrl: config.publicUrl,
    secret: config.keyEncryptionKey,
    jwks,
    rejections,
    addressOf: peers.addressOf,
    https: createHttpsClient(outbound, { timeoutMs: providerTimeoutMs, connections: 2 }),
    assetsFolder: config.consoleFolder,
  }
}
