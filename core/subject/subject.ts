import { hash } from 'node:crypto'
import type { Permission } from '#core/permission/permission.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { BoundKey } from './bound-key.ts'

/** What a proof lists bounds what can be granted on it. */
export interface ProofBounds {
  /** RFC 8707 URIs; undefined: any resource. */
  readonly resources: readonly string[] | undefined
  /** Undefined: the agent's own ceiling is the bound. */
  readonly permission: Permission | undefined
}

/** Who comes: a workload that a trust source vouched for, recognised as one agent of the tenant. Remembered by the token's hash. */
export interface VerifiedSubject {
  readonly agent: Agent
  readonly trustSourceId: string
  /** The proof's own words, for the private part of the log. */
  readonly foreign: { readonly issuer: string; readonly subject: string }
  /** Hex of SHA-256 over issuer and subject: whose key encrypts what the log says of it. */
  readonly subjectHash: string
  /** Hex of SHA-256 over issuer, subject and the instance claims: only the instance that opened an account may use it. */
  readonly opener: string
  /** Task id derived from the registration's task claims, when it names any and the token carries them all. */
  readonly derivedTaskId: string | undefined
  /** From when on the proof is no longer accepted; seconds since the epoch. */
  readonly untilSeconds: number
  /** The proof's own end, whatever the trust source makes of it; what must be remembered of it must be remembered until then. */
  readonly expiresSeconds: number
  /** `cnf` of the proof: the key that it is bound to. */
  readonly boundKey: BoundKey | undefined
  /** What the proof itself allows at most; undefined: it says nothing of that. */
  readonly bounds?: ProofBounds
  /** The one account that the proof is for: it uses no other and opens none. id: uuid. */
  readonly account?: { readonly id: string; readonly taskId: string }
  /** Nobody registered it: it has this key, and has done some work where it opens an account. */
  readonly stranger?: boolean
  /** Whether the proof itself is the TLS client certificate. */
  readonly byCertificate: boolean
}

/** Why a proof was not accepted. `hint` may be shown to the caller; `reason` is for logs and counters: a fixed word. */
export interface SubjectRefusal {
  readonly ok: false
  readonly reason: string
  readonly hint: string
}
export type SubjectResult = { readonly ok: true; readonly subject: VerifiedSubject } | SubjectRefusal

export const refuse = (reason: string, hint: string): SubjectRefusal => ({ ok: false, reason, hint })

/** Hex of SHA-256 over a list, unambiguous. */
export const hashList = (items: readonly unknown[]): string => hash('sha256', JSON.stringify(items), 'hex')
