// The way of a claim: a link with a secret → who are you → what is asked → decide. Each stop on it has a page of its own, and
// opening any of them changes nothing.

import { useClaimable } from '../api/claims.ts'
import { useSession } from '../api/session.ts'
import { Loading } from '../layout/loading.tsx'
import { Shell } from '../layout/shell.tsx'
import { SignInCard } from '../sign-in/sign-in-card.tsx'
import { Decided } from './decided.tsx'
import { Review } from './review.tsx'
import { ClaimStop } from './stops.tsx'
import { useClaimLink } from './use-claim-link.ts'

export function ClaimPage() {
  const [link, decided] = useClaimLink()
  return (
    <Shell title="Claim an account">
      {link === undefined && <ClaimStop code="no_link" />}
      {link !== undefined && 'outcome' in link && <Decided outcome={link.outcome} />}
      {link !== undefined && 'secret' in link && <OpenClaim key={link.secret} secret={link.secret} onDecided={decided} />}
    </Shell>
  )
}

function OpenClaim({ secret, onDecided }: { readonly secret: string; readonly onDecided: () => void }) {
  const session = useSession()
  const person = session.data?.person ?? null
  const claimable = useClaimable(secret, person !== null)
  if (session.isPending) return <Loading />
  if (session.isError) return <ClaimStop error={session.error} onRetry={session.refetch} />
  if (person === null) return <SignInForClaim />
  if (claimable.isError) {
    const { error } = claimable
    const signedOut = 'status' in error && error.status === 401
    return signedOut ? <SignInForClaim /> : <ClaimStop error={error} person={person} onRetry={claimable.refetch} />
  }
  if (claimable.isPending) return <Loading />
  return <Review secret={secret} claimable={claimable.data} onDecided={onDecided} onEnded={claimable.refetch} />
}

const SignInForClaim = () => (
  <SignInCard
    title="An AI agent is offering you its account"
    text="Sign in to see which agent it is and what the account may do. You decide after that; signing in and looking change nothing."
    returnTo="/claim"
  />
)
