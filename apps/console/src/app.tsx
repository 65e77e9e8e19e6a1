import { Route, Router, Switch } from 'wouter'
import { AccountPage } from './account/account-page.tsx'
import { AccountsPage } from './account/accounts-page.tsx'
import { prefix } from './base-path.ts'
import { ClaimPage } from './claim/claim-page.tsx'
import { LinkButton } from './layout/link-button.tsx'
import { Notice } from './layout/notice.tsx'
import { Shell } from './layout/shell.tsx'

/** Every page of the console. */
export function App() {
  return (
    <Router base={prefix}>
      <Switch>
        <Route path="/claim">
          <ClaimPage />
        </Route>
        <Route path="/console">
          <AccountsPage />
        </Route>
        <Route path="/console/accounts/:id">{({ id }) => <AccountPage id={id} />}</Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </Router>
  )
}

const NotFound = () => (
  <Shell title="Not found">
    <Notice title="There is nothing here" text="The address leads to no page of this console.">
      <div className="actions">
        <LinkButton to="/console">My accounts</LinkButton>
      </div>
    </Notice>
  </Shell>
)
