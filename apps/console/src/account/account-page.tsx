import { useHistoryState } from 'wouter/use-browser-location'
import { useAccount } from '../api/accounts.ts'
import type { Account } from '../api/contract.ts'
import { ApiError } from '../api/request.ts'
import { useSession } from '../api/session.ts'
import { Facts } from '../layout/facts.tsx'
import { Loading } from '../layout/loading.tsx'
import { Shell } from '../layout/shell.tsx'
import { SignInCard } from '../sign-in/sign-in-card.tsx'
import { Foreign } from '../text/foreign.tsx'
import { showMoment } from '../text/time.ts'
import { AccountStop } from './account-stop.tsx'
import { Allowance } from './allowance.tsx'
import { CloseAccount } from './close-account.tsx'
import { ReadmittedAgent } from './readmitted-agent.tsx'
import { ReviewDate } from './review-date.tsx'
import { StateChip } from './state-chip.tsx'

/** One account that this person has claimed, and what may be done with it. */
export function AccountPage({ id }: { readonly id: string }) {
  const session = useSession()
  const signIn = <SignInCard title="Sign in" text="Sign in to see this account." returnTo={`/console/accounts/${id}`} />
  return (
    <Shell title="Account">
      {session.isPending && <Loading />}
      {session.isError && <AccountStop error={session.error} onRetry={session.refetch} />}
      {session.data?.person === null && signIn}
      {session.data?.person && <Shown id={id} signIn={signIn} />}
    </Shell>
  )
}

function Shown({ id, signIn }: { readonly id: string; readonly signIn: React.ReactNode }) {
  const account = useAccount(id)
  if (account.isPending) return <Loading />
  if (account.isError) {
    const signedOut = account.error instanceof ApiError && account.error.status === 401
    return signedOut ? signIn : <AccountStop error={account.error} onRetry={account.refetch} />
  }
  return <Details account={account.data} />
}

function Details({ account }: { readonly account: Account }) {
  const justClaimed = (useHistoryState() as { claimed?: boolean } | null)?.claimed === true
  const live = account.state === 'claimed'
  return (
    <section className="page">
      {justClaimed && live && (
        <p className="banner" role="status">
          The account is yours. Every token and key that the agent had for it has stopped working.
        </p>
      )}
      <header className="page-head">
        <h1>
          <Foreign text={account.agent.name} />
        </h1>
        <StateChip account={account} />
      </header>
      <div className="specimen">
        <Facts
          rows={[
            ['Task', <Foreign key="task" text={account.task_id} code />],
            [
              'Answers for the agent',
              account.agent.owner ? <Foreign key="owner" text={account.agent.owner} /> : 'nobody is named',
            ],
            ['Came from', account.origin_address ? <Foreign key="from" text={account.origin_address} code /> : 'unknown'],
            ['Opened', showMoment(account.opened_at)],
            ['Claimed', account.claimed_at ? showMoment(account.claimed_at) : 'not yet'],
            ['Account', <Foreign key="id" text={account.id} code />],
          ]}
        />
      </div>
      <div className="panels">
        <Allowance account={account} />
        {live && <ReadmittedAgent account={account} />}
        {live && <ReviewDate account={account} />}
        {live && <CloseAccount id={account.id} attachments={account.attachments.length} />}
      </div>
    </section>
  )
}
