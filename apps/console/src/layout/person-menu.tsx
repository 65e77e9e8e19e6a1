import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components'
import { useLocation } from 'wouter'
import type { Person } from '../api/contract.ts'
import { useSignOut } from '../api/session.ts'
import { visible } from '../text/visible.ts'

export function PersonMenu({ person, role }: { readonly person: Person; readonly role: string | null }) {
  const signOut = useSignOut()
  const [, navigate] = useLocation()
  const name = visible(person.name ?? person.subject)
  return (
    <MenuTrigger>
      <Button className="person">
        <span className="unseen">Signed in as </span>
        <span className="initial" aria-hidden="true">
          {[...name][0]?.toUpperCase()}
        </span>
        <span className="person-name">{name}</span>
      </Button>
      <Popover className="popover" placement="bottom end">
        <div className="menu-head">
          <strong>{name}</strong>
          <small>
            {visible(person.subject)} at {visible(person.issuer.replace(/^https:\/\//, ''))}
          </small>
          {role && <small>{role}</small>}
        </div>
        <Menu className="menu" aria-label="Your session">
          <MenuItem onAction={() => navigate('/console')}>My accounts</MenuItem>
          <MenuItem onAction={() => signOut.mutate()}>Sign out</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  )
}
