import type { ValidationProblem } from '#core/errors/validation-error.ts'
import { normaliseScopes } from '#core/permission/normalise.ts'
import { permissionTypeNames } from '#core/permission/types.ts'
import { isOwnUri } from './issuer.ts'
import { longestWithoutFeedSeconds, type ResourceConfig } from './resource.ts'
import { findHttpsFault, findResourceUriFault } from './url-faults.ts'

export interface ResourceInput extends Partial<ResourceConfig> {
  readonly uri: string
  readonly name: string
}

const standardConfig: ResourceConfig = {
  scopes: [],
  details_types: [],
  risk_class: 'medium',
  max_ttl_seconds: 300,
  replay: 'pop',
  alg: 'ES256',
  enforces: [],
  proof: 'pop',
}

/** The configuration to store and everything that is wrong with it. What a grant needs, the resource must say it enforces. */
export function validateResource(
  input: ResourceInput,
  baseUrl: string,
): { readonly config: ResourceConfig; readonly problems: readonly ValidationProblem[] } {
  const problems: ValidationProblem[] = []
  const complain = (pointer: string, detail: string | undefined) => detail !== undefined && problems.push({ pointer, detail })
  const { uri, name: _name, ...given } = input
  const config: ResourceConfig = { ...standardConfig, ...given }
  complain('/uri', findResourceUriFault(uri))
  // A token whose audience is the issuer itself opens accounts for sub-agents; no resource may come by one.
  if (isOwnUri(baseUrl, uri)) complain('/uri', "This is an address of the broker's own. Use the resource's address.")

  const scopes = config.scopes.map(scope => scope.name)
  for (const [i, scope] of scopes.entries()) {
    const normal = normaliseScopes([scope])
    if (!normal.ok) complain(`/scopes/${i}/name`, `${normal.reason}.`)
    if (scopes.indexOf(scope) !== i) complain(`/scopes/${i}/name`, 'This scope is listed twice.')
  }
  for (const [i, type] of config.details_types.entries())
    if (!permissionTypeNames.includes(type)) complain(`/details_types/${i}`, `Known types are ${permissionTypeNames.join(', ')}.`)
  if (scopes.length + config.details_types.length === 0)
    complain('', 'Name at least one scope or one type of authorization_details.')

  if (config.details_types.length > 0 && !config.enforces.includes('rar'))
    complain(
      '/enforces',
      'A resource with details_types must enforce "rar", else its verifier would wave through what it cannot check.',
    )
  if (config.proof === 'pop' && !config.enforces.includes('cnf'))
    complain('/enforces', 'A resource that takes key-bound tokens only (proof "pop") must enforce "cnf".')
  if (config.max_ttl_seconds > longestWithoutFeedSeconds && !config.enforces.includes('feed'))
    complain(
      '/enforces',
      `A resource whose tokens may live longer than ${longestWithoutFeedSeconds} s must enforce "feed": its verifier learns of revocations.`,
    )
  const server = config.authorization_server?.issuer
  if (server !== undefined) {
    complain('/authorization_server/issuer', findHttpsFault(server, { query: false }))
    if (isOwnUri(baseUrl, server)) complain('/authorization_server/issuer', 'Tokens of this broker need no other server.')
  }
  return { config, problems }
}
