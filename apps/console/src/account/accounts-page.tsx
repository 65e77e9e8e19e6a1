import type { UseQueryResult } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useAccounts } from '../api/accounts.ts'
import type { AccountRow } from '../api/contract.ts'
import { useSession } from '../api/session.ts'
import { Loading } from '../layout/loading.tsx'
import { Notice } from '../layout/notice.tsx'
import { Shell } from '../layout/shell.tsx'
import { SignInCard } from '../sign-in/sign-in-card.tsx'
import { Foreign } from '../text/foreign.tsx'
import { showDay, showMoment } from '../text/time.ts'
import { AccountStop } from './account-stop.tsx'
import { reviewIsDue } from './review-due.ts'
import { StateChip } from './state-chip.tsx'

/** The accounts that this person has claimed. */
export function AccountsPage() {
  const session = useSession()
  return (
    <Shell title="My accounts">
      {session.isPending && <Loading />}
      {session.isError && <AccountStop error={session.error} onRetry={session.refetch} />}
      {session.data?.person === null && (
        <SignInCard
          title="Sign in"
          text="You find the accounts here that you have taken over from AI agents. To claim another, open the link that the agent gave you."
          returnTo="/console"
        />
      )}
      {session.data?.person && <MyAccounts />}
    </Shell>
  )
}

function MyAccounts() {
  const accounts: UseQueryResult<readonly AccountRow[]> = useAccounts()
  if (accounts.isPending) return <Loading />
  if (accounts.isError) return <AccountStop error={accounts.error} onRetry={accounts.refetch} />
  if (accounts.data.length === 0)
    return (
      <Notice
        title="You have no accounts yet"
        text="When an AI agent offers you the account that it works in, it gives you a link. Open it, and what you claim is kept here."
      />
    )
  return (
    <section className="page">
      <h1>My accounts</h1>
      <p className="lede">Taken over from AI agents. Each is yours until you close it.</p>
      <ul className="cards">
        {accounts.data.map(account => (
          <Row key={account.id} account={account} />
        ))}
      </ul>
    </section>
  )
}

function Row({ account }: { readonly account: AccountRow }) {
  return (
    <li>
      <Link to={`/console/accounts/${encodeURIComponent(account.id)}`} className="account-card">
        <span className="account-card-head">
          <strong>
            <Foreign text={account.agent.name} />
          </strong>
          <StateChip account={account} />
        </span>
        <Foreign text={account.task_id} code />
        <span className="soft">
          {account.claimed_at ? `Claimed ${showMoment(account.claimed_at)}` : `Opened ${showMoment(account.opened_at)}`}
          {account.review_on && <ReviewNote account={account} reviewOn={account.review_on} />}
        </span>
      </Link>
    </li>
  )
}

function ReviewNote({ account, reviewOn }: { readonly account: AccountRow; readonly reviewOn: string }) {
  if (account.state !== 'claimed') return null
  const due = reviewIsDue(reviewOn)
  return (
    <span className={due ? 'review-note due' : 'review-note'}>{due ? 'Review is due' : `Review by ${showDay(reviewOn)}`}</span>
  )
}
