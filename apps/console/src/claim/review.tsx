// The claim itself: on one side who asks, from where, for what, how old; on the other what the claimer decides.

import { useEffect, useState } from 'react'
import type { Claimable } from '../api/contract.ts'
import { brokerNowMs } from '../api/request.ts'
import { Foreign } from '../text/foreign.tsx'
import { secondsUntil } from '../text/time.ts'
import { keepOutcome } from './claim-link.ts'
import { Decision } from './decision.tsx'
import { everything, Kept, keptOf } from './kept.tsx'
import { Specimen } from './specimen.tsx'

export interface ReviewProps {
  readonly secret: string
  readonly claimable: Claimable
  /** The claim is decided, and what became of it is kept. */
  readonly onDecided: () => void
  /** The deadline has passed: ask the broker, whose clock counts. */
  readonly onEnded: () => unknown
}

export function Review({ secret, claimable, onDecided, onEnded }: ReviewProps) {
  const [kept, setKept] = useState(() => everything(claimable))
  useDeadline(claimable.account.expires_at, onEnded)
  return (
    <div className="review">
      <header className="review-head">
        <p className="eyebrow">An AI agent is offering you its account</p>
        <h1>
          Will you take over from <Foreign text={claimable.agent.name} />?
        </h1>
        <p className="lede">
          The account then belongs to you and no longer ends by itself. Every token and key that the agent has for it stops
          working at that moment.
        </p>
      </header>
      <Specimen claimable={claimable} />
      <div className="review-decision">
        <Kept claimable={claimable} kept={kept} onChange={setKept} />
        <Decision
          secret={secret}
          readmissionOffered={claimable.readmission.offered}
          keep={keptOf(claimable, kept)}
          onClaimed={accountId => {
            keepOutcome({ kind: 'claimed', accountId })
          }}
          onRefused={() => {
            keepOutcome({ kind: 'refused' })
            onDecided()
          }}
        />
      </div>
    </div>
  )
}

function useDeadline(expiresAt: string, onEnded: () => unknown): void {
  useEffect(() => {
    const inMs = secondsUntil(expiresAt, brokerNowMs()) * 1000 + 1_500
    // Browsers take no timer of more than 24.8 days; whoever leaves a page open that long may reload it.
    if (inMs > 2 ** 31 - 1) return
    const timer = setTimeout(onEnded, Math.max(0, inMs))
    return () => clearTimeout(timer)
  }, [expiresAt, onEnded])
}
