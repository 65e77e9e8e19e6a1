// An OpenID provider for operators without a network: its keys, and ID tokens for whoever a test names.

import { randomUUID } from 'node:crypto'
import { generateIdpKeys, type IdpKeys, publicJwks } from '#apps/idp/idp-keys.ts'
import { signAsIssuer } from './forged-jwt.ts'

export interface People {
  readonly issuer: string
  readonly clientId: string
  readonly keys: IdpKeys
  /** For a JwksStore: keys of this issuer alone. */
  fetchKeys(source: { readonly issuer: string }): Promise<unknown>
  /** A body for `POST /v1/sign-in-providers`. */
  provider(changes?: Record<string, unknown>): Record<string, unknown> & { readonly name: string }
  /** Claims of a good ID token; undefined takes one away. */
  claims(subject: string, groups: readonly string[], changes?: Record<string, unknown>): Record<string, unknown>
  /** A body for `POST /v1/sessions` with a good ID token. */
  signIn(provider: string, subject: string, groups: readonly string[], changes?: Record<string, unknown>): SignInBody
}

export interface SignInBody {
  readonly provider: string
  readonly id_token: string
  readonly nonce: string
}

export async function createPeople(issuer = 'https://login.example'): Promise<People> {
  const keys = await generateIdpKeys()
  const clientId = 'mayfly-cli'
  const claims: People['claims'] = (subject, groups, changes = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const all = {
      iss: issuer,
      sub: subject,
      aud: clientId,
      iat: now,
      exp: now + 600,
      nonce: randomUUID(),
      name: `The ${subject}`,
      email: `${subject}@example.com`,
      groups,
      ...changes,
    }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }
  return {
    issuer,
    clientId,
    keys,
    async fetchKeys(source) {
      if (source.issuer !== issuer) throw new Error(`nobody is at ${source.issuer}`)
      return publicJwks(keys)
    },
    provider: (changes = {}) => ({
      name: 'login',
      issuer,
      client_id: clientId,
      groups_claim: 'groups',
      rules: [
        { group: 'mayfly-admins', role: 'tenant-admin' },
        { group: 'mayfly-approvers', role: 'approver' },
        { group: 'mayfly-auditors', role: 'auditor' },
      ],
      ...changes,
    }),
    claims,
    signIn(provider, subject, groups, changes = {}) {
      const made = claims(subject, groups, changes)
      return { provider, id_token: signAsIssuer(keys, made), nonce: String(made['nonce']) }
    },
  }
}
