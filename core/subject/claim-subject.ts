import type { Agent } from '#core/registry/agent.ts'
import { readBoundKey } from './bound-key.ts'
import { claimAt } from './claim-at.ts'
import { hashList, type VerifiedSubject } from './subject.ts'

/** A verified JWT and the agent that it was recognised as. Times in seconds since the epoch. */
export interface ClaimProof {
  readonly agent: Agent
  readonly trustSourceId: string
  /** Who vouches, as the log and the subject's hash name it. */
  readonly issuer: string
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly untilSeconds: number
  readonly expiresSeconds: number
}

/** What the exchange needs to know of it: the instance and the run are told by the claims that the agent's registration names. */
export function subjectOfClaims(proof: ClaimProof): VerifiedSubject {
  const { agent, issuer, subject, claims } = proof
  const at = (path: string): string | undefined => claimAt(claims, path)
  const taskValues = agent.settings.task_claims.map(at)
  const complete = taskValues.length > 0 && taskValues.every(value => value !== undefined)
  return {
    agent,
    trustSourceId: proof.trustSourceId,
    foreign: { issuer, subject },
    subjectHash: hashList([issuer, subject]),
    opener: hashList([issuer, subject, ...agent.settings.instance_claims.map(path => [path, at(path) ?? null])]),
    derivedTaskId: complete ? `run_${hashList([issuer, subject, ...taskValues]).slice(0, 32)}` : undefined,
    untilSeconds: proof.untilSeconds,
    expiresSeconds: proof.expiresSeconds,
    boundKey: readBoundKey(claims['cnf']),
    byCertificate: false,
  }
}
