// What the account may do, entry by entry. Everything is kept unless the claimer drops it; nothing can be added.

import { Checkbox, CheckboxGroup, Label } from 'react-aria-components'
import type { Claimable, Keep } from '../api/contract.ts'
import { Foreign } from '../text/foreign.tsx'

/** The keys of what is kept: `d0`, `d1`, … for details, `s0`, … for scopes. */
export type KeptKeys = readonly string[]

const keyOf = { detail: (i: number) => `d${i}`, scope: (i: number) => `s${i}` }

export const everything = ({ permissions, scopes }: Claimable): KeptKeys => [
  ...permissions.map((_, i) => keyOf.detail(i)),
  ...scopes.map((_, i) => keyOf.scope(i)),
]

/** What to send: undefined where all is kept. */
export function keptOf({ permissions, scopes }: Claimable, kept: KeptKeys): Keep | undefined {
  if (kept.length === permissions.length + scopes.length) return undefined
  return {
    authorization_details: permissions.filter((_, i) => kept.includes(keyOf.detail(i))).map(({ entry }) => entry),
    scopes: scopes.filter((_, i) => kept.includes(keyOf.scope(i))).map(({ scope }) => scope),
  }
}

export interface KeptProps {
  readonly claimable: Claimable
  readonly kept: KeptKeys
  readonly onChange: (kept: KeptKeys) => void
}

export function Kept({ claimable, kept, onChange }: KeptProps) {
  const total = claimable.permissions.length + claimable.scopes.length
  return (
    <CheckboxGroup className="kept step" value={[...kept]} onChange={onChange}>
      <Label className="step-title">What it may do</Label>
      <p className="soft">
        {total === 0 ? 'Nothing at all.' : 'Take the tick away from what should end with the claim. It cannot come back later.'}
      </p>
      <div className="options">
        {claimable.permissions.map(({ text }, i) => (
          <Choice key={keyOf.detail(i)} value={keyOf.detail(i)} text={text} />
        ))}
        {claimable.scopes.map(({ text, scope }, i) => (
          <Choice key={keyOf.scope(i)} value={keyOf.scope(i)} text={text || scope} note={scope} />
        ))}
      </div>
    </CheckboxGroup>
  )
}

function Choice({ value, text, note }: { readonly value: string; readonly text: string; readonly note?: string }) {
  return (
    <Checkbox value={value} className="choice">
      <span className="box" aria-hidden="true">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M3.5 8.5l3 3 6-7" />
        </svg>
      </span>
      <span className="choice-text">
        <Foreign text={text} />
        {note !== undefined && note !== text && (
          <small>
            <Foreign text={note} code />
          </small>
        )}
      </span>
    </Checkbox>
  )
}
