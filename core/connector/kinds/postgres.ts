import { findHostFault, findPortFault } from '../host-faults.ts'
import type { KindRules, MadeForConnector } from '../kind-rules.ts'
import { createRoleCa } from '../role-ca.ts'

export interface PostgresConfig {
  readonly host: string
  readonly port: number
  readonly database: string
  /** The connector's own login: CREATEROLE, and CREATE on the database. */
  readonly user: string
  /** `verify`: TLS, with the certificate checked; `off` is taken for addresses inside only. */
  readonly tls: 'verify' | 'off'
  readonly ca_pem?: string
  /** How accounts sign in. `certificate`: from the connector's own CA, `client_ca_pem`, whose key is sealed. */
  readonly auth: 'password' | 'certificate'
  readonly client_ca_pem?: string
  readonly connection_limit: number
  /** Roles whose rights each account gets beside its own schema. */
  readonly member_of: readonly string[]
}

/** Roles that PostgreSQL has itself give rights over the whole server, to its files among them. */
const ownRole = /^pg_/

export const postgresRules: KindRules = {
  admin: ['password'],
  fixed: ['auth', 'client_ca_pem'],
  place: ['host', 'port', 'database'],
  defaults: { port: 5432, tls: 'verify', auth: 'password', connection_limit: 5, member_of: [] },
  async make({ auth }, nowMs): Promise<MadeForConnector> {
    if (auth !== 'certificate') return { settings: {}, admin: {} }
    const { certificatePem, keyPem } = await createRoleCa(nowMs)
    return { settings: { client_ca_pem: certificatePem }, admin: { client_ca_key: keyPem } }
  },
  findFaults(config) {
    const { host, port, auth, tls, member_of: memberOf } = config as unknown as PostgresConfig
    return [
      ...findHostFault(host, '/config/host'),
      ...findPortFault(port, '/config/port'),
      ...(auth === 'certificate' && tls === 'off' ? [{ pointer: '/config/tls', detail: 'Certificates need TLS.' }] : []),
      ...memberOf.flatMap((role, index) =>
        ownRole.test(role)
          ? [{ pointer: `/config/member_of/${index}`, detail: 'A role of PostgreSQL itself reaches beyond the database.' }]
          : [],
      ),
    ]
  },
}
