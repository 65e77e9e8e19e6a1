// What is the same for everybody who trusts a well-known kind of OpenID issuer. One row says all of it; the registration may say
// otherwise where it has a member for it. Claims are those that the issuers document.

import { countLiteralSegments } from '#core/subject/claim-pattern.ts'

export const presetNames = ['github', 'gitlab', 'kubernetes'] as const
export type PresetName = (typeof presetNames)[number]

export interface TrustSourcePreset {
  /** Undefined: each installation has its own. */
  readonly issuer: string | undefined
  readonly algorithms: readonly string[]
  readonly maxAgeSeconds: number
  /** The smallest piece of work that the issuer tells apart: from these a task id is made for agents that name none. */
  readonly taskClaims: readonly string[]
  /** What tells two instances of one agent apart. */
  readonly instanceClaims: readonly string[]
  /** Audiences that its tokens carry for others. issuer: the one that is registered. */
  readonly isSharedAudience: (audience: string, issuer: string) => boolean
  /**
   * A rule must write out at least one of these claims, so many segments of it from the left (`claim-pattern.ts`): anybody may
   * have a repository or a project at the same issuer.
   */
  readonly anchors: readonly { readonly claim: string; readonly segments: number }[]
  readonly anchorHint: string
}

export const trustSourcePresets: Readonly<Record<PresetName, TrustSourcePreset>> = {
  // https://docs.github.com/actions/reference/security/oidc
  github: {
    issuer: 'https://token.actions.githubusercontent.com',
    algorithms: ['RS256'],
    maxAgeSeconds: 900,
    taskClaims: ['run_id', 'run_attempt'],
    instanceClaims: ['run_id', 'run_attempt'],
    // The default is the address of the repository's owner.
    isSharedAudience: audience => /^https:\/\/github\.com(\/|$)/.test(audience),
    anchors: [
      { claim: 'sub', segments: 2 },
      { claim: 'repository', segments: 1 },
      { claim: 'repository_id', segments: 1 },
      { claim: 'repository_owner', segments: 1 },
      { claim: 'repository_owner_id', segments: 1 },
    ],
    anchorHint: 'Write out whose repository: in sub (repo:<owner>/…), or repository_owner_id, which stays when names change.',
  },
  // https://docs.gitlab.com/ci/secrets/id_token_authentication
  gitlab: {
    issuer: 'https://gitlab.com',
    algorithms: ['RS256'],
    maxAgeSeconds: 3600,
    taskClaims: ['pipeline_id', 'job_id'],
    instanceClaims: ['pipeline_id', 'job_id'],
    // What older job tokens carried.
    isSharedAudience: (audience, issuer) => audience === issuer || audience === new URL(issuer).host,
    anchors: [
      { claim: 'sub', segments: 2 },
      { claim: 'namespace_id', segments: 1 },
      { claim: 'namespace_path', segments: 1 },
      { claim: 'project_id', segments: 1 },
      { claim: 'project_path', segments: 1 },
    ],
    anchorHint:
      'Write out whose project: in sub (project_path:<group>/…), or namespace_id or project_id, which stay when names change.',
  },
  // https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin
  kubernetes: {
    issuer: undefined,
    algorithms: ['RS256', 'ES256'],
    maxAgeSeconds: 3600,
    taskClaims: ['kubernetes.io.pod.uid'],
    instanceClaims: ['kubernetes.io.pod.uid'],
    // The API server's own: any pod's default token has it, and every service that a pod shows it to could show it here.
    isSharedAudience: (audience, issuer) => audience === issuer || /(^|\/\/)kubernetes\.default(\.|$|:|\/)/.test(audience),
    anchors: [{ claim: 'sub', segments: 3 }],
    anchorHint: 'Write out the namespace in sub: system:serviceaccount:<namespace>:<name>.',
  },
}

/** Why the claims of a rule leave open whose workload it is, as a sentence; undefined when they do not. */
export function findAnchorlessFault(preset: TrustSourcePreset, claims: Readonly<Record<string, string>>): string | undefined {
  const isAnchored = preset.anchors.some(
    ({ claim, segments }) => Object.hasOwn(claims, claim) && countLiteralSegments(claims[claim]!) >= segments,
  )
  return isAnchored ? undefined : preset.anchorHint
}

/**
 * Claims of run and instance for an agent that names none, from the presets of its rules' trust sources. A task id is derived
 * only where all of them say the same; what tells instances apart is the sum, since a claim that a token lacks tells nothing.
 */
export function claimsByPresets(presets: readonly (TrustSourcePreset | undefined)[]): {
  readonly task_claims: readonly string[]
  readonly instance_claims: readonly string[]
} {
  const known = presets.filter(preset => preset !== undefined)
  const [first, ...others] = new Set(known)
  return {
    task_claims: first && others.length === 0 ? first.taskClaims : [],
    instance_claims: [...new Set(known.flatMap(({ instanceClaims }) => instanceClaims))],
  }
}
