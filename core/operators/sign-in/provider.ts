// An OpenID provider through which people sign in. It is not a trust source: what it signs lets a person manage, never a
// workload in; so the two are registered apart, and neither's tokens are taken for the other's.

import { refuseProblems, type ValidationProblem } from '#core/errors/validation-error.ts'
import { findAnchorFault } from '#core/registry/anchor-fault.ts'
import { isOwnUri } from '#core/registry/issuer.ts'
import { findHttpsFault } from '#core/registry/url-faults.ts'
import type { KeySource } from '#core/subject/jwks-store.ts'
import type { SignInProviderRow, SignInProviderValues } from '#db/operators/sign-in-providers.ts'
import type { OperatorRole } from '../principal.ts'

export interface RoleRule {
  readonly group: string
  readonly role: OperatorRole
}

export interface SignInProviderInput {
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  /** Browsers' client there, where it is another one than `client_id`. */
  readonly console_client_id?: string
  /** `aud` of its ID tokens, where it is another one than `client_id`. */
  readonly audience?: string
  readonly scopes?: readonly string[]
  /** Where the groups stand; dotted path for nested claims. */
  readonly groups_claim: string
  /** The first whose group the person has decides. */
  readonly rules: readonly RoleRule[]
  readonly session_ttl_seconds?: number
  /** PEM of the CA that the provider's own HTTPS certificate must come from; left out: the public ones. */
  readonly ca_pem?: string
}

/** What `sign_in_provider.config` holds. */
export type SignInProviderConfig = Required<
  Omit<SignInProviderInput, 'name' | 'issuer' | 'client_id' | 'console_client_id' | 'audience' | 'ca_pem'>
> &
  Pick<SignInProviderInput, 'console_client_id' | 'audience' | 'ca_pem'>

export interface SignInProvider extends KeySource {
  readonly tenantId: string | null
  readonly clientId: string
  readonly config: SignInProviderConfig
}

export const DEFAULT_SESSION_TTL_SECONDS = 8 * 3_600
const defaultScopes = ['openid', 'profile', 'email'] as const

export function toSignInProvider(row: SignInProviderRow): SignInProvider {
  const config = row.config as SignInProviderConfig
  const { id, issuer, tenant_id: tenantId, client_id: clientId } = row
  return { id, tenantId, issuer, clientId, jwksUri: undefined, caPem: config.ca_pem, config }
}

/** The row to store. Throws ValidationError that names everything that is wrong. */
export function validateSignInProvider(
  input: SignInProviderInput,
  context: { readonly baseUrl: string; readonly tenantId: string | null },
): SignInProviderValues {
  const problems: ValidationProblem[] = []
  const complain = (pointer: string, detail: string | undefined) => detail !== undefined && problems.push({ pointer, detail })
  const scopes = input.scopes ?? defaultScopes
  complain('/issuer', findHttpsFault(input.issuer, { query: false }))
  if (isOwnUri(context.baseUrl, input.issuer)) complain('/issuer', 'Mayfly cannot be its own sign-in provider.')
  if (!scopes.includes('openid')) complain('/scopes', 'openid must be among them, else there is no ID token.')
  if (input.ca_pem !== undefined) complain('/ca_pem', findAnchorFault(input.ca_pem))
  for (const [i, rule] of input.rules.entries()) {
    complain(`/rules/${i}/role`, findRoleFault(rule.role, context.tenantId))
    if (input.rules.findIndex(other => other.group === rule.group) < i)
      complain(`/rules/${i}/group`, 'An earlier rule has this group already, and the first one decides.')
  }
  refuseProblems(problems)
  const config: SignInProviderConfig = {
    scopes,
    groups_claim: input.groups_claim,
    rules: input.rules,
    session_ttl_seconds: input.session_ttl_seconds ?? DEFAULT_SESSION_TTL_SECONDS,
    ...(input.console_client_id !== undefined && { console_client_id: input.console_client_id }),
    ...(input.audience !== undefined && { audience: input.audience }),
    ...(input.ca_pem !== undefined && { ca_pem: input.ca_pem }),
  }
  return { name: input.name, issuer: input.issuer, client_id: input.client_id, config }
}

/** A tenant's provider can make nobody an admin of the deployment, and the deployment's nobody of a tenant. */
function findRoleFault(role: OperatorRole, tenantId: string | null): string | undefined {
  if (tenantId === null)
    return role === 'platform-admin'
      ? undefined
      : 'A provider of the deployment gives platform-admin only. Register it in the tenant.'
  return role === 'platform-admin' ? 'A provider of a tenant cannot give platform-admin.' : undefined
}
