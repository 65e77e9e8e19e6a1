// A stranger: a key that nobody registered, and the patience to solve a challenge.

import { createHash, X509Certificate } from 'node:crypto'
import { type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { isSolved, workBinding } from '#core/anonymous/work.ts'
import { resourceUri } from './registration.ts'
import type { RunningBroker } from './running-broker.ts'

export interface Challenge {
  readonly challenge: string
  readonly difficulty: number
}

/** Tries one number after the other. */
export function solveWork({ challenge, difficulty }: Challenge, binding: string): string {
  for (let i = 0; ; i++) if (isSolved(challenge, binding, String(i), difficulty)) return String(i)
}

export async function newStranger({ ca }: RunningBroker) {
  const certificate = await issueClientCertificate(ca, { uris: ['spiffe://nowhere.example/stranger'], now: new Date() })
  const { raw } = new X509Certificate(certificate.certificatePem)
  return { certificate, thumbprint: createHash('sha256').update(raw).digest('base64url') }
}

export type Stranger = Readonly<{ certificate: IssuedCertificate; thumbprint: string }>

/** The form of a stranger's request, with the work for it. */
export function solvedForm(
  stranger: Stranger,
  challenge: Challenge,
  changes: Record<string, string> = {},
): Record<string, string> {
  const form = { grant_type: 'client_credentials', resource: resourceUri, scope: 'orders:read', task_id: 'errand', ...changes }
  const binding = workBinding({
    keyThumbprint: stranger.thumbprint,
    taskId: form.task_id,
    resource: form.resource,
    scope: form.scope,
    authorizationDetails: undefined,
  })
  return { ...form, pow_challenge: challenge.challenge, pow_solution: solveWork(challenge, binding) }
}
