import type { PresentedCertificate } from './certificate.ts'

/** A key that a token is bound to: a certificate (RFC 8705 § 3.1) or a DPoP key (RFC 9449 § 6.1). thumbprint: base64url of SHA-256. */
export interface BoundKey {
  readonly kind: 'x5t#S256' | 'jkt'
  readonly thumbprint: string
}

/** The key that a token is bound to when it is bound to this certificate. */
export const keyOfCertificate = ({ thumbprint }: PresentedCertificate): BoundKey => ({ kind: 'x5t#S256', thumbprint })

const kinds = ['x5t#S256', 'jkt'] as const

/** What a `cnf` claim names, where it names one key in a form that can be proven here. A token bound to two keys needs both proven. */
export function readBoundKey(cnf: unknown): BoundKey | undefined {
  const members = Object.entries((cnf ?? {}) as Record<string, unknown>)
  const [name, thumbprint] = members[0] ?? []
  const kind = kinds.find(known => known === name)
  return kind && typeof thumbprint === 'string' && members.length === 1 ? { kind, thumbprint } : undefined
}

export const isSameKey = (a: BoundKey | undefined, b: BoundKey | undefined): boolean =>
  a?.kind === b?.kind && a?.thumbprint === b?.thumbprint
