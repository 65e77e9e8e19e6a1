import { type ReactNode, useEffect } from 'react'
import { Link } from 'wouter'
import { useSession } from '../api/session.ts'
import { Foreign } from '../text/foreign.tsx'
import { Mayfly } from './mayfly.tsx'
import { PersonMenu } from './person-menu.tsx'

/** The frame of every page: whose Mayfly this is, and who is signed in. */
export function Shell({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const { data: session } = useSession()
  useEffect(() => {
    document.title = `${title} · Mayfly`
  }, [title])
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={skipToMain}>
        Skip to the page
      </button>
      <header className="top">
        <Link to="/console" className="brand">
          <Mayfly />
          <span>Mayfly</span>
        </Link>
        {session && (
          <span className="tenant">
            <Foreign text={session.tenant.name} />
          </span>
        )}
        {session?.person && <PersonMenu person={session.person} role={session.role} />}
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

/** A button, as a link would need the fragment of the address, which is where claim links carry their secret. */
function skipToMain(): void {
  document.querySelector<HTMLElement>('#main')?.focus()
}
