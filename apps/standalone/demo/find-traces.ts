// Reads the log as an auditor would: every hash is computed again from what lies there, and nothing that the broker says
// about itself is taken for granted.

import { hash } from 'node:crypto'
import { parseId } from '#core/ids/id.ts'
import type { LogEntry } from '#db/log/read-entries.ts'
import { claimsHash, type Evidence, leafHash, readClaims } from './evidence.ts'

interface Leaf {
  readonly type: string
  readonly salt: string
  readonly body_hash: string
  readonly token?: string
  readonly claims_hash?: string
  readonly account?: string
}

interface Reported {
  readonly jti?: string
  readonly reason: string
}

interface Body {
  readonly code?: string
  readonly reason?: string
  readonly decisions?: readonly Reported[]
}

/** What is wrong with the log itself: a gap, or a body that is not the one its leaf commits to. */
export function findLogFaults(entries: readonly LogEntry[], fromPosition: number): string[] {
  return entries.flatMap(({ position, leaf, body }, i) => {
    const { salt, body_hash } = JSON.parse(leaf) as Leaf
    const faults: string[] = []
    if (position !== fromPosition + i) faults.push(`leaf ${fromPosition + i} is missing`)
    if (body === undefined || hash('sha256', salt + body, 'base64url') !== body_hash)
      faults.push(`the body of leaf ${position} is not the one that was logged`)
    return faults
  })
}

/** The evidence of which the log holds no trace. Each leaf or decision stands for one deed only. */
export function findUntraced(evidence: readonly Evidence[], entries: readonly LogEntry[]): Evidence[] {
  const leaves = entries.map(({ leaf, body }) => ({
    hash: leafHash(leaf),
    leaf: JSON.parse(leaf) as Leaf,
    body: JSON.parse(body ?? '{}') as Body,
  }))
  const denials = leaves.filter(({ leaf }) => leaf.type === 'token.denied').map(({ body }) => body)
  const events = leaves.map(({ leaf }) => leaf)
  const decisions = leaves.filter(({ leaf }) => leaf.type === 'decisions.reported').flatMap(({ body }) => body.decisions ?? [])
  return evidence.filter(deed => {
    switch (deed.kind) {
      case 'issued': {
        const claims = readClaims(deed.token)
        const found = leaves.find(candidate => candidate.hash === claims.evt)?.leaf
        return found?.type !== 'token.issued' || found.token !== claims.jti || found.claims_hash !== claimsHash(claims)
      }
      case 'denied':
        return !take(denials, body => body.code === deed.code && body.reason === deed.reason)
      case 'decision': {
        const { jti } = readClaims(deed.token)
        return !take(decisions, decision => decision.jti === jti && decision.reason === deed.reason)
      }
      case 'event':
        return !take(events, leaf => leaf.type === deed.type && leaf.account === parseId('account', deed.account))
      default:
        return deed satisfies never
    }
  })
}

function take<T>(items: T[], fits: (item: T) => boolean): boolean {
  const at = items.findIndex(fits)
  if (at >= 0) items.splice(at, 1)
  return at >= 0
}
