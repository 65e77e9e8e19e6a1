/** A control that the resource's verifier really applies. A grant that needs one which is not declared is refused. */
export type Enforcement = 'cnf' | 'rar' | 'feed'
/**
 * The longest that a token may live at a verifier that does not learn of revocations; seconds. Beyond it, what was revoked
 * would work for too long: the verifier must declare that it follows the `feed`.
 */
export const longestWithoutFeedSeconds = 900

export type ReplayMode = 'pop' | 'once' | 'challenge'

/** What `resource.config` holds. Times in seconds. */
export interface ResourceConfig {
  readonly scopes: readonly { readonly name: string; readonly description: string }[]
  /** Types of `authorization_details` that this resource understands. */
  readonly details_types: readonly string[]
  readonly risk_class: 'low' | 'medium' | 'high'
  readonly max_ttl_seconds: number
  readonly replay: ReplayMode
  readonly alg: 'ES256' | 'RS256'
  readonly enforces: readonly Enforcement[]
  /** `pop`: only key-bound tokens; `any`: also those of agents registered as bearer. */
  readonly proof: 'pop' | 'any'
  /** Spend units that each of its tokens costs; left out: none. */
  readonly token_units?: number
  /** Whether each of its tokens stands in a status list; left out: none does. */
  readonly status_list?: boolean
  /** Who issues its access tokens, where that is not us: for it ID-JAGs are made (`core/id-jag`). */
  readonly authorization_server?: { readonly issuer: string }
}

export interface Resource {
  readonly id: string
  /** RFC 8707 resource URI, compared byte for byte; becomes `aud` untouched. */
  readonly uri: string
  readonly name: string
  readonly config: ResourceConfig
}
