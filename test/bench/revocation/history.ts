// The judgement over a run: what every guard did with every token, held against what was revoked when. Pure: times are
// milliseconds of one monotonic clock, which all processes of a machine share.
//
// Absence of proof is not proof: a guard that was never seen to refuse a revoked token counts as a violation too.

export type Outcome = 'accepted' | 'revoked' | 'unavailable' | 'other'

/** One verification. Tokens and guards are numbered. */
export interface Look {
  readonly guard: number
  readonly token: number
  readonly startedMs: number
  readonly endedMs: number
  readonly outcome: Outcome
}

/** One call that revoked these tokens; the last epoch of its entries. */
export interface Revoked {
  readonly tokens: readonly number[]
  readonly epoch: number
  /** Not before this moment can anybody know. */
  readonly askedMs: number
  readonly committedMs: number
  /** The caller has the answer. */
  readonly answeredMs: number
}

/** A guard says that it has applied everything up to this epoch; the moment at which it began to say so. */
export interface Applied {
  readonly guard: number
  readonly epoch: number
  readonly atMs: number
}

export interface History {
  readonly guards: number
  readonly looks: Iterable<Look>
  readonly revoked: readonly Revoked[]
  readonly applied: readonly Applied[]
  /** After an answer plus this, no guard may accept, cut off or not: the guards' bound of staleness. */
  readonly boundMs: number
}

export type ViolationKind =
  | 'accepted after the answer and the bound'
  | 'accepted after it was applied'
  | 'accepted again after a refusal'
  | 'refused before it was revoked'
  | 'never refused'
  | 'epochs went back'
  | 'epoch missing or doubled'

export interface Violation {
  readonly kind: ViolationKind
  readonly guard?: number
  readonly token?: number
  readonly epoch?: number
  /** How far beyond what is allowed. */
  readonly byMs?: number
}

export interface Judgement {
  readonly violations: readonly Violation[]
  readonly looks: number
  readonly accepted: number
  readonly refused: number
  /** Looks that found the guard unable to tell. */
  readonly unavailable: number
  /** Refusals for any other reason. */
  readonly other: number
  /** The latest acceptance of a revoked token, from its commit and from its answer; negative or 0 when there was none. */
  readonly acceptedAfterCommitMs: number
  readonly acceptedAfterAnswerMs: number
  /** For each revocation: from its commit until the last guard had refused all of its tokens that were looked at. */
  readonly lastRefusalMs: readonly number[]
}

/** Judges a history. */
export function judge(history: History): Judgement {
  const byToken = new Map<number, Revoked>()
  for (const revoked of history.revoked) for (const token of revoked.tokens) byToken.set(token, revoked)
  const pairs = readPairs(history)
  const appliedAt = whenApplied(history)
  const violations: Violation[] = [...epochFaults(history)]
  let [acceptedAfterCommitMs, acceptedAfterAnswerMs] = [0, 0]
  const lastRefusal = new Map<Revoked, number>()
  for (const [token, guards] of pairs.byToken)
    for (const [guard, pair] of guards) {
      const revoked = byToken.get(token)
      violations.push(...pairFaults({ guard, token, pair, revoked, appliedAt, boundMs: history.boundMs }))
      if (!revoked) continue
      acceptedAfterCommitMs = Math.max(acceptedAfterCommitMs, pair.lastAcceptedMs - revoked.committedMs)
      acceptedAfterAnswerMs = Math.max(acceptedAfterAnswerMs, pair.lastAcceptedMs - revoked.answeredMs)
      lastRefusal.set(revoked, Math.max(lastRefusal.get(revoked) ?? 0, pair.firstRefusedMs - revoked.committedMs))
    }
  violations.push(...unseen(history, pairs.byToken))
  return {
    violations,
    ...pairs.counts,
    acceptedAfterCommitMs,
    acceptedAfterAnswerMs,
    lastRefusalMs: history.revoked.map(revoked => lastRefusal.get(revoked) ?? Number.POSITIVE_INFINITY),
  }
}

/** What one guard did with one token. */
interface Pair {
  /** Start of the last look that accepted. */
  lastAcceptedMs: number
  /** End of the first look that refused. */
  firstRefusedMs: number
}

function readPairs({ looks }: History) {
  const byToken = new Map<number, Map<number, Pair>>()
  const counts = { looks: 0, accepted: 0, refused: 0, unavailable: 0, other: 0 }
  for (const { guard, token, startedMs, endedMs, outcome } of looks) {
    counts.looks++
    const guards = byToken.get(token) ?? new Map<number, Pair>()
    byToken.set(token, guards)
    const pair = guards.get(guard) ?? { lastAcceptedMs: -Infinity, firstRefusedMs: Infinity }
    guards.set(guard, pair)
    if (outcome === 'accepted') {
      counts.accepted++
      pair.lastAcceptedMs = Math.max(pair.lastAcceptedMs, startedMs)
    } else if (outcome === 'revoked') {
      counts.refused++
      pair.firstRefusedMs = Math.min(pair.firstRefusedMs, endedMs)
    } else counts[outcome]++
  }
  return { byToken, counts }
}

interface PairFacts {
  readonly guard: number
  readonly token: number
  readonly pair: Pair
  readonly revoked: Revoked | undefined
  readonly appliedAt: (guard: number, epoch: number) => number
  readonly boundMs: number
}

function pairFaults({ guard, token, pair, revoked, appliedAt, boundMs }: PairFacts): Violation[] {
  const found: Violation[] = []
  const check = (kind: ViolationKind, byMs: number): void => {
    if (byMs > 0) found.push({ kind, guard, token, byMs })
  }
  if (revoked) {
    check('accepted after the answer and the bound', pair.lastAcceptedMs - (revoked.answeredMs + boundMs))
    check('accepted after it was applied', pair.lastAcceptedMs - appliedAt(guard, revoked.epoch))
    check('refused before it was revoked', revoked.askedMs - pair.firstRefusedMs)
  } else if (pair.firstRefusedMs < Infinity) found.push({ kind: 'refused before it was revoked', guard, token })
  check('accepted again after a refusal', pair.lastAcceptedMs - pair.firstRefusedMs)
  return found
}

/** When a guard had applied an epoch: the first moment at which it said so of this or a later one; never, if it did not. */
function whenApplied({ applied }: History): (guard: number, epoch: number) => number {
  const byGuard = Map.groupBy(applied, ({ guard }) => guard)
  for (const list of byGuard.values()) list.sort((a, b) => a.atMs - b.atMs)
  return (guard, epoch) => {
    const list = byGuard.get(guard) ?? []
    // Epochs of a guard only rise (or `epochs went back`), so the first that reaches it is found by halving.
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (list[middle]!.epoch >= epoch) high = middle
      else low = middle + 1
    }
    return list[low]?.atMs ?? Infinity
  }
}

function epochFaults({ applied, revoked }: History): Violation[] {
  const found: Violation[] = []
  const reached = new Map<number, number>()
  for (const { guard, epoch } of applied.toSorted((a, b) => a.atMs - b.atMs)) {
    if (epoch < (reached.get(guard) ?? 0)) found.push({ kind: 'epochs went back', guard, epoch })
    reached.set(guard, epoch)
  }
  const epochs = revoked.map(({ epoch }) => epoch).sort((a, b) => a - b)
  for (let i = 1; i < epochs.length; i++)
    if (epochs[i] === epochs[i - 1]) found.push({ kind: 'epoch missing or doubled', epoch: epochs[i]! })
  return found
}

/** Each revoked token that any guard looked at must have been refused by every guard that knew it. */
function unseen({ revoked, guards }: History, byToken: ReadonlyMap<number, ReadonlyMap<number, Pair>>): Violation[] {
  const found: Violation[] = []
  for (const { tokens } of revoked)
    for (const token of tokens)
      for (let guard = 0; guard < guards; guard++) {
        const pair = byToken.get(token)?.get(guard)
        if (pair === undefined || pair.firstRefusedMs === Infinity) found.push({ kind: 'never refused', guard, token })
      }
  return found
}

/** Numbers that are not one above the one before, in a list that should have no gap. */
export function gapsIn(epochs: readonly number[]): Violation[] {
  const sorted = epochs.toSorted((a, b) => a - b)
  const found: Violation[] = []
  for (let i = 1; i < sorted.length; i++)
    if (sorted[i] !== sorted[i - 1]! + 1) found.push({ kind: 'epoch missing or doubled', epoch: sorted[i]! })
  return found
}
