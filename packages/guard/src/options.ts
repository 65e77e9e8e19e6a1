// What a guard is told at start. Everything that could leave it open is checked here, all at once, before it serves.

import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { ReportOptions } from './broker/decision-reporter.ts'
import type { JwkSet } from './broker/key-source.ts'
import type { DecisionHooks } from './decisions.ts'
import type { DpopOptions } from './dpop/dpop-proofs.ts'
import type { Credential } from './replay/consume.ts'
import type { ReplayMode, TaskTokenClaims } from './token/claims.ts'
import type { OnWarning } from './warnings.ts'

/** Options of `createGuard`. */
export interface GuardOptions extends DecisionHooks {
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

  /** This resource's secret at the broker (`mfr_…`): needed for `once` and the revocation feed, used for reporting. */
  readonly credential?: Credential
  /** Replay modes that are accepted. Default `['pop']`. */
  readonly replay?: readonly ReplayMode[]
  /** Accept tokens that are bound to no key. Default false: such a token works for whoever stole it. */
  readonly allowBearer?: boolean
  /** How tokens bound to a DPoP key are taken (RFC 9449); false refuses them. Default: with the defaults of `DpopOptions`. */
  readonly dpop?: DpopOptions | false
  /** How the guard learns what was revoked. Default: from the feed, which needs `credential`. */
  readonly revocation?: RevocationOptions
  /**
   * Asked besides on each use whether a verified token was revoked meanwhile. Throw where this cannot be known: the guard
   * then answers 503. With it and without `credential` and `revocation`, nothing else is asked.
   */
  readonly isRevoked?: (claims: TaskTokenClaims) => boolean
  /** Refuse tokens issued longer ago than this, even if they have not expired. */
  readonly maxAgeSeconds?: number

  /** The path under which this server sees the resource, where a proxy changes it. Default: the path of `resource`. */
  readonly mountPath?: string
  /** Told what makes the guard less strict than it could be, and when it loses and finds the feed. Default: a process warning. */
  readonly onWarning?: OnWarning
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

/** How a guard learns of revocations. */
export interface RevocationOptions {
  /**
   * `feed`: the broker tells it, within milliseconds, and without the feed it refuses. `status-list`: it reads the list that
   * a token names, which is up to 10 s old. `none`: a revoked token works until it expires; said aloud at the start.
   */
  readonly mode: 'feed' | 'status-list' | 'none'
  /** How old what it knows may be before it answers 503. Default 10. */
  readonly maxStaleSeconds?: number
  /** This guard's name where the broker shows who has heard of a revocation; at most 64 of `A-Z a-z 0-9 . _ : -`. Default: the host's. */
  readonly name?: string
  /** Most revocations held at a time; with more to hold it answers 503. Default 1,000,000, about 130 bytes each. */
  readonly maxEntries?: number
}

/** The options with their defaults. */
export interface GuardSettings extends GuardOptions {
  readonly replay: readonly ReplayMode[]
  readonly revocation: Required<RevocationOptions>
  readonly allowBearer: boolean
  readonly timeoutMs: number
  readonly cacheSize: number
  readonly clock: () => number
  readonly ca: string | Buffer | readonly (string | Buffer)[] | undefined
}

/** Checks options and fills in defaults. Throws one TypeError that names everything wrong. */
export function readOptions(options: GuardOptions): GuardSettings {
  const problems = [
    ...addressProblems(options),
    ...replayProblems(options),
    ...dpopProblems(options),
    ...revocationProblems(options),
  ]
  // The word `false` out of an environment would be true.
  if (!['boolean', 'undefined'].includes(typeof options.allowBearer)) problems.push('allowBearer must be true or false')
  if (options.maxAgeSeconds !== undefined && !(options.maxAgeSeconds > 0)) problems.push('maxAgeSeconds must be above 0')
  if (problems.length > 0) throw new TypeError(`The guard cannot start: ${problems.join('; ')}.`)
  return {
    ...options,
    replay: options.replay ?? ['pop'],
    revocation: {
      mode: modeOf(options) ?? 'none',
      maxStaleSeconds: options.revocation?.maxStaleSeconds ?? 10,
      name: options.revocation?.name ?? hostName(),
      maxEntries: options.revocation?.maxEntries ?? 1_000_000,
    },
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

/** Undefined where nobody has said how, and the guard must not guess. */
function modeOf({ revocation, credential, isRevoked }: GuardOptions): RevocationOptions['mode'] | undefined {
  if (revocation) return revocation.mode
  if (credential !== undefined) return 'feed'
  return isRevoked ? 'none' : undefined
}

function revocationProblems(options: GuardOptions): string[] {
  const mode = modeOf(options)
  if (mode === undefined) {
    return [
      "it has no way to learn of revocations: give the resource's credential (mfr_…, from `mayfly resources credentials create`)," +
        " or choose revocation: { mode: 'status-list' }, or say revocation: { mode: 'none' } if a revoked token may work until it expires",
    ]
  }
  const problems: string[] = []
  const { maxStaleSeconds = 10, maxEntries = 1, name = 'x' } = options.revocation ?? {}
  if (!['feed', 'status-list', 'none'].includes(mode)) problems.push('revocation.mode must be feed, status-list or none')
  if (mode === 'feed' && options.credential === undefined) problems.push("revocation mode 'feed' needs the resource's credential")
  if (!(maxStaleSeconds >= 2 && maxStaleSeconds <= 86_400)) problems.push('revocation.maxStaleSeconds must be from 2 to 86400')
  if (!(maxEntries >= 1)) problems.push('revocation.maxEntries must be at least 1')
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(name)) problems.push('revocation.name must be 1 to 64 of A-Z a-z 0-9 . _ : -')
  return problems
}

function hostName(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._:-]/g, '-')
      .slice(0, 64) || 'guard'
  )
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
