import type { Account } from '../api/contract.ts'
import { Foreign } from '../text/foreign.tsx'

/** As the broker names the states of what connectors made. */
const stateWords: Readonly<Record<string, string>> = {
  making: 'is being made',
  active: 'in use',
  renewing: 'gets new access',
  locking: 'is being locked',
  locked: 'locked: nobody has access',
  tearing_down: 'is being taken down',
  kept: 'kept for a while, with access for nobody',
}

/** What the account may do, and what is attached to it. */
export function Allowance({ account }: { readonly account: Account }) {
  const { permissions, scopes, attachments } = account
  return (
    <section className="panel">
      <h2>What it may do</h2>
      <ul className="plain-list">
        {permissions.map(({ text, entry }) => (
          <li key={JSON.stringify(entry)}>
            <Foreign text={text} />
          </li>
        ))}
        {scopes.map(({ scope, text }) => (
          <li key={scope}>
            <Foreign text={text || scope} /> {text && text !== scope && <Foreign text={scope} code />}
          </li>
        ))}
      </ul>
      {permissions.length + scopes.length === 0 && <p className="soft">Nothing.</p>}
      {attachments.length > 0 && (
        <>
          <h3>Attached to it</h3>
          <ul className="plain-list">
            {attachments.map(({ id, connector, state }) => (
              <li key={id}>
                <Foreign text={connector} /> <span className="soft">{stateWords[state] ?? state}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}
