import type { ReactNode } from 'react'
import { Link } from 'wouter'

/** A link within the console that looks like a button. */
export function LinkButton({ to, children }: { readonly to: string; readonly children: ReactNode }) {
  return (
    <Link to={to} className="button">
      {children}
    </Link>
  )
}
