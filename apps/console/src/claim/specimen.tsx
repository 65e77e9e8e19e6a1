// Who asks, from where, for what, how old: set like the label beside a specimen in a drawer.

import type { Claimable } from '../api/contract.ts'
import { Facts } from '../layout/facts.tsx'
import { Lifeline } from '../layout/lifeline.tsx'
import { Foreign } from '../text/foreign.tsx'
import { secondsUntil, showCountdown, showDuration, showMoment } from '../text/time.ts'
import { useNow } from '../text/use-now.ts'

export function Specimen({ claimable }: { readonly claimable: Claimable }) {
  const { account, agent } = claimable
  const now = useNow()
  const age = -secondsUntil(account.opened_at, now)
  const left = secondsUntil(account.expires_at, now)
  return (
    <section className="specimen" aria-label="What this account is">
      <Facts
        rows={[
          ['Agent', <Foreign key="agent" text={agent.name} />],
          ['Answers for it', agent.owner ? <Foreign key="owner" text={agent.owner} /> : 'nobody is named'],
          ['Task', <Foreign key="task" text={account.task_id} code />],
          ['Came from', account.origin_address ? <Foreign key="from" text={account.origin_address} code /> : 'unknown'],
          ...(account.origin_subject ? [['Ran as', <Foreign key="subject" text={account.origin_subject} code />] as const] : []),
          [
            'Opened',
            <span key="opened">
              {showMoment(account.opened_at)}, <strong>{showDuration(age)} ago</strong>
            </span>,
          ],
          ['Account', <Foreign key="id" text={account.id} code />],
        ]}
      />
      <Lifeline
        done={age / Math.max(1, age + left)}
        label={left > 0 ? `Ends by itself in ${showCountdown(left)} unless you claim it` : 'Its deadline has passed'}
        urgent={left < 120}
      />
    </section>
  )
}
