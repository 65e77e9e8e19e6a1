import { LinkButton } from '../layout/link-button.tsx'
import { Notice } from '../layout/notice.tsx'
import type { Outcome } from './claim-link.ts'

/** What a tab shows that has decided its claim: after refusing, on a reload, on the way back. */
export function Decided({ outcome }: { readonly outcome: Outcome }) {
  if (outcome.kind === 'claimed')
    return (
      <Notice title="You have claimed this account" text="Its link has done its work and leads nowhere any more.">
        <div className="actions">
          <LinkButton to={`/console/accounts/${encodeURIComponent(outcome.accountId)}`}>Open the account</LinkButton>
        </div>
      </Notice>
    )
  return (
    <Notice
      title="You have refused this account"
      text="Its link is dead and nobody can claim it any more. The agent keeps working with what it had, until the deadline ends the account."
    >
      <div className="actions">
        <LinkButton to="/console">My accounts</LinkButton>
      </div>
    </Notice>
  )
}
