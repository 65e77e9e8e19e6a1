// What a guard is told at start. Everything that could leave it open is checked here, all at once, before it serves.

import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ReportOptions } from './broker/decision-reporter.ts'
import type { JwkSet } from './broker/key-source.ts'
import type { DpopOptions } from './dpop/dpop-proofs.ts'
import type { Credential } from './replay/consume.ts'
import type { ReplayMode, TaskTokenClaims } from './token/claims.ts'

/** Options of `createGuard`. */
export interface GuardOptions {
  /** The one issuer whose tokens count, exactly as its tokens name it. A guard trusts no other. */
  readonly issuer: string
  /** This resource's registered URI (RFC 8707); what `aud` must be, byte for byte. */
  readonly resource: string

  /** The issuer's keys, fixed. Without `jwks`, `jwksUri` and `keys` they are found through RFC 8414 metadata. */
  readonly jwks?: JwkSet
  /** Where to read the issuer's keys; https only. */
  readonly jwksUri?: string
  /** Finds a public key by its id. Must return the same object while the key is in use. */
  readonly keys?: (kid: string) => KeyObject | undefined | Promise<KeyObject | undefined>

  /** This resource's secret at the broker (`mfr_…`): needed for `once`, used for reporting. */
  readonly credential?: Credential
  /** Replay modes that are accepted. Default `['pop']`. */
  readonly replay?: readonly ReplayMode[]
  /** Accept tokens that are bound to no key. Default false: such a token works for whoever stole it. */
  readonly allowBearer?: boolean
  /** How tokens bound to a DPoP key are taken (RFC 9449); false refuses them. Default: with the defaults of `DpopOptions`. */
  readonly dpop?: DpopOptions | false
  /**
   * Asked on each use whether a verified token was revoked meanwhile. Throw where this cannot be known: the guard then
   * answers 503.
   */
  readonly isRevoked?: (claims: TaskTokenClaims) => boolean
  /** Refuse tokens issued longer ago than this, even if they have not expired. */
  readonly maxAgeSeconds?: number

  /** The path under which this server sees the resource, where a proxy changes it. Default: the path of `resource`. */
  readonly mountPath?: string
  /** Scopes to publish in the resource's RFC 9728 metadata. */
  readonly scopes?: readonly string[]

  /** TLS to the broker: authorities that replace the system's, as PEM or as a file. */
  readonly tls?: { readonly ca?: string | Buffer | readonly (string | Buffer)[]; readonly caFile?: string }
  /** Deadline of one request to the broker. Default 3000. */
  readonly timeoutMs?: number
  /** Report decisions to the broker. Default: true where there is a credential. */
  readonly report?: boolean | ReportOptions
  /** Verified tokens kept in memory. Default 5000; 0 keeps none. */
  readonly cacheSize?: number
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number
}

/** The options with their defaults. */
export interface GuardSettings extends GuardOptions {
  readonly replay: readonly ReplayMode[]
  readonly allowBearer: boolean
  readonly timeoutMs: number
  readonly cacheSize: number
  readonly clock: () => number
  readonly ca: string | Buffer | readonly (string | Buffer)[] | undefined
}

/** Checks options and fills in defaults. Throws one TypeError that names everything wrong. */
export function readOptions(options: GuardOptions): GuardSettings {
  const problems = [...addressProblems(options), ...replayProblems(options), ...dpopProblems(options)]
  if (options.maxAgeSeconds !== undefined && !(options.maxAgeSeconds > 0)) problems.push('maxAgeSeconds must be above 0')
  if (problems.length > 0) throw new TypeError(`The guard cannot start: ${problems.join('; ')}.`)
  return {
    ...options,
    replay: options.replay ?? ['pop'],
    allowBearer: options.allowBearer ?? false,
    timeoutMs: options.timeoutMs ?? 3000,
    cacheSize: options.cacheSize ?? 5000,
    clock: options.clock ?? Date.now,
    ca: options.tls?.caFile === undefined ? options.tls?.ca : readFileSync(options.tls.caFile),
  }
}

function addressProblems(options: GuardOptions): string[] {
  const problems: string[] = []
  const issuer = URL.canParse(options.issuer) ? new URL(options.issuer) : undefined
  if (issuer?.protocol !== 'https:' || issuer.search || issuer.hash) {
    problems.push('issuer must be an https URL without query and fragment (RFC 8414 § 2)')
  }
  if (!URL.canParse(options.resource)) problems.push('resource must be an absolute URI (RFC 8707 § 2)')
  const sources = [options.jwks, options.jwksUri, options.keys].filter(source => source !== undefined)
  if (sources.length > 1) problems.push('give at most one of jwks, jwksUri and keys')
  if (options.jwksUri !== undefined && !options.jwksUri.startsWith('https://')) problems.push('jwksUri must be https')
  return problems
}

function replayProblems(options: GuardOptions): string[] {
  const problems: string[] = []
  const modes: readonly ReplayMode[] = options.replay ?? ['pop']
  if (modes.length === 0) problems.push('replay must name at least one mode')
  if (modes.includes('once') && !options.credential) problems.push("replay 'once' needs the resource's credential")
  if (options.report && !options.credential) problems.push("report needs the resource's credential")
  return problems
}

function dpopProblems({ dpop, resource }: GuardOptions): string[] {
  if (!dpop) return []
  const { publicUrl = resource, nonces, maxProofAgeSeconds = 60, maxUsedProofs = 1 } = dpop
  const problems: string[] = []
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined
  if (url && !/^https?:$/.test(url.protocol)) problems.push('dpop needs publicUrl where the resource is no http(s) URL')
  if (!url || url.search || url.hash || url.username)
    problems.push('dpop.publicUrl must be a URL without query, fragment and user')
  if (typeof nonces === 'object' && nonces.length < 32) problems.push('dpop.nonces must be a secret of at least 32 bytes')
  if (!(maxProofAgeSeconds > 0 && maxProofAgeSeconds <= 600))
    problems.push('dpop.maxProofAgeSeconds must be above 0 and at most 600')
  if (!(maxUsedProofs >= 1)) problems.push('dpop.maxUsedProofs must be at least 1')
  return problems
}
