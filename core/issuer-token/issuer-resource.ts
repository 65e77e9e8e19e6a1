// The tenant's issuer is itself a resource: built in, registered by nobody, not part of any ceiling. With scope `account` an
// agent gets a token for its own account's verbs (`/account/…`); with `may_act` one that opens a child account.

import { permissionTypeNames } from '#core/permission/types.ts'
import type { Resource } from '#core/registry/resource.ts'

/** The one scope of an account token: an agent may always manage its own account. */
export const accountScope = 'account'

/** How long a token for the issuer lives at most; seconds. */
const longestSeconds = 300

/** The issuer as a resource. Its id stands in the log in the place of a registered one's. */
export function issuerResource(issuer: string): Resource {
  return {
    id: 'issuer',
    uri: issuer,
    name: 'This broker',
    config: {
      scopes: [{ name: accountScope, description: 'See and end the own account, and open accounts for sub-agents' }],
      details_types: permissionTypeNames,
      risk_class: 'low',
      max_ttl_seconds: longestSeconds,
      replay: 'pop',
      alg: 'ES256',
      enforces: ['cnf', 'rar'],
      proof: 'any',
    },
  }
}
