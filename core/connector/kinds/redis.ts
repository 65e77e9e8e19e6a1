import { findHostFault, findPortFault } from '../host-faults.ts'
import type { KindRules } from '../kind-rules.ts'

export interface RedisConfig {
  readonly host: string
  readonly port: number
  /** The connector's own ACL user: commands `acl`, `client`, `scan`, `unlink`, `command`, all keys. */
  readonly user: string
  /** `verify`: TLS, with the certificate checked; `off` is taken for addresses inside only. */
  readonly tls: 'verify' | 'off'
  readonly ca_pem?: string
}

export const redisRules: KindRules = {
  admin: ['password'],
  fixed: [],
  place: ['host', 'port'],
  defaults: { port: 6379, user: 'default', tls: 'verify' },
  make: async () => ({ settings: {}, admin: {} }),
  findFaults(config) {
    const { host, port } = config as unknown as RedisConfig
    return [...findHostFault(host, '/config/host'), ...findPortFault(port, '/config/port')]
  },
}
