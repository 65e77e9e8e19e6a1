// The tenant's own CA. The broker makes it when the first workload is to be enrolled; its certificates name the agent, so that
// no rule is needed.

import type { TrustSourceKind } from './trust-source-kind.ts'

export interface BuiltinCaTrustSource {
  readonly kind: 'builtin_ca'
  readonly id: string
  readonly name: string
  readonly trustDomain: string
  /** PEM of its keys' certificates, but those that are retired. */
  readonly anchorsPem: readonly string[]
}

/** What a registry is read with (`db/registry/read-registry.ts`); the row itself holds nothing. */
export interface BuiltinCaConfig {
  readonly anchors_pem?: readonly string[]
}

export interface BuiltinCaInput {
  readonly kind: 'builtin_ca'
  readonly name: string
}

const scheme = 'spiffe://'

/** What `trust_source.issuer` holds. */
export const builtinCaIssuer = (trustDomain: string): string => scheme + trustDomain

export const builtinCaKind: TrustSourceKind<BuiltinCaInput, BuiltinCaTrustSource, Record<never, never>> = {
  kind: 'builtin_ca',
  ruleMembers: [],
  ruleHint: 'The trust source is the built-in CA: its certificates name the agent, leave the rule out.',
  madeByBroker: 'POST /v1/keys/rotate {"use":"ca","now":true} ends every certificate of the built-in CA.',
  validate: ({ name, kind }) => ({
    values: { name, kind, issuer: null, audience: null, config: {} },
    problems: [{ pointer: '/kind', detail: 'The broker makes its CA itself, with the first join token.' }],
  }),
  toSource: ({ id, name, issuer, config }) => {
    const { anchors_pem = [] } = config as BuiltinCaConfig
    return { kind: 'builtin_ca', id, name, trustDomain: issuer!.slice(scheme.length), anchorsPem: anchors_pem }
  },
  checkRule: (_rule, complain) => {
    complain('', builtinCaKind.ruleHint)
    return {}
  },
}
