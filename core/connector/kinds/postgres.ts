import { findHostFault, findPortFault } from '../host-faults.ts'
import type { KindRules } from '../kind-rules.ts'

export interface PostgresConfig {
  readonly host: string
  readonly port: number
  readonly database: string
  /** The connector's own login: CREATEROLE, and CREATE on the database. */
  readonly user: string
  /** `verify`: TLS, with the certificate checked; `off` is taken for addresses inside only. */
  readonly tls: 'verify' | 'off'
  readonly ca_pem?: string
  readonly connection_limit: number
  /** Roles whose rights each account gets beside its own schema. */
  readonly member_of: readonly string[]
}

/** Roles that PostgreSQL has itself give rights over the whole server, to its files among them. */
const ownRole = /^pg_/

export const postgresRules: KindRules = {
  admin: ['password'],
  place: ['host', 'port', 'database'],
  defaults: { port: 5432, tls: 'verify', connection_limit: 5, member_of: [] },
  findFaults(config) {
    const { host, port, member_of: memberOf } = config as unknown as PostgresConfig
    return [
      ...findHostFault(host, '/config/host'),
      ...findPortFault(port, '/config/port'),
      ...memberOf.flatMap((role, index) =>
        ownRole.test(role)
          ? [{ pointer: `/config/member_of/${index}`, detail: 'A role of PostgreSQL itself reaches beyond the database.' }]
          : [],
      ),
    ]
  },
}
