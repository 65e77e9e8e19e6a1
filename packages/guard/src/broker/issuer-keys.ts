import type { GuardSettings } from '../options.ts'
import { keysWarning, processWarning } from '../warnings.ts'
import type { BrokerConnection } from './broker-connection.ts'
import { loadIssuerKeys } from './discovery.ts'
import { type FindKey, fixedKeys, functionKeys, remoteKeys } from './key-source.ts'

/** The source of the issuer's keys that the options name; without one, the issuer's metadata. Says so where they cannot be read. */
export function keySource(settings: GuardSettings, connection: BrokerConnection): FindKey {
  const { jwks, jwksUri, keys, issuer, onWarning: warn = processWarning } = settings
  if (jwks) return fixedKeys(jwks)
  if (keys) return functionKeys(keys)
  const load = () => (jwksUri === undefined ? loadIssuerKeys(connection, issuer) : connection.read(jwksUri))
  return remoteKeys(load, undefined, undefined, error => warn(keysWarning(issuer, error), 'keys_unavailable'))
}
