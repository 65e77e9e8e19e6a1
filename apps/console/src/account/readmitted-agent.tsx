import { Switch } from 'react-aria-components'
import { useChange } from '../api/accounts.ts'
import type { Account } from '../api/contract.ts'

/** Whether the agent may work in the account. Taking effect is the broker's; the switch shows what it says. */
export function ReadmittedAgent({ account }: { readonly account: Account }) {
  const change = useChange(account.id)
  const offered = account.readmission.offered
  const shown = change.isPending && change.variables.verb === 'readmit' ? change.variables.readmit : account.readmitted
  return (
    <section className="panel">
      <h2>The agent</h2>
      <Switch
        className="switch"
        isSelected={shown}
        isDisabled={change.isPending || (!offered && !account.readmitted)}
        onChange={readmit => change.mutate({ verb: 'readmit', readmit })}
      >
        <span className="track" aria-hidden="true" />
        May work in this account
      </Switch>
      <p className="soft">
        {account.readmitted &&
          'It proves its key for every token, and gets no more than it may do here. Switched off, it gets no further token.'}
        {!account.readmitted && 'It is locked out. What it had before no longer works.'}
        {!account.readmitted && !offered && ' It has no way back, as nothing else proves who it is.'}
      </p>
      {change.isError && (
        <p className="fault" role="alert">
          That did not work. Try again in a moment.
        </p>
      )}
    </section>
  )
}
