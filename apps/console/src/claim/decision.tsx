// The claimer's own words: shall the agent come back in, the code that the agent shows, claim or refuse.

import { type FormEvent, useState } from 'react'
import { FieldError, Form, Input, Label, Text, TextField } from 'react-aria-components'
import { useLocation } from 'wouter'
import { useConfirm } from '../api/claims.ts'
import type { Keep } from '../api/contract.ts'
import { ApiError } from '../api/request.ts'
import { Button } from '../layout/button.tsx'
import { Readmission } from './readmission.tsx'
import { RefuseDialog } from './refuse-dialog.tsx'
import { ClaimStop } from './stops.tsx'

export interface DecisionProps {
  readonly secret: string
  readonly readmissionOffered: boolean
  readonly keep: Keep | undefined
  readonly onClaimed: (accountId: string) => void
  readonly onRefused: () => void
}

export function Decision({ secret, readmissionOffered, keep, onClaimed, onRefused }: DecisionProps) {
  const [, navigate] = useLocation()
  const [readmit, setReadmit] = useState<boolean | undefined>(readmissionOffered ? undefined : false)
  const [code, setCode] = useState('')
  const confirm = useConfirm(accountId => {
    onClaimed(accountId)
    navigate(`/console/accounts/${encodeURIComponent(accountId)}`, { replace: true, state: { claimed: true } })
  })
  const wrongCode = confirm.error instanceof ApiError && confirm.error.code === 'wrong_code' ? confirm.error : undefined
  if (confirm.isError && !wrongCode) return <ClaimStop error={confirm.error} onRetry={confirm.reset} />

  const nothingKept = keep !== undefined && keep.scopes.length + keep.authorization_details.length === 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (readmit === undefined || nothingKept || confirm.isPending) return
    confirm.mutate({ secret, code: code.trim(), readmit, ...(keep && { keep }) })
  }
  return (
    <Form className="decision" onSubmit={submit}>
      {readmissionOffered ? <Readmission value={readmit} onChange={setReadmit} /> : <NoWayBack />}
      <TextField
        className="code-field step"
        name="code"
        value={code}
        onChange={text => {
          setCode(text)
          if (wrongCode) confirm.reset()
        }}
        isRequired
        isInvalid={wrongCode !== undefined}
        autoComplete="one-time-code"
      >
        <Label className="step-title">The agent’s code</Label>
        <Text slot="description" className="soft">
          The agent shows it where it runs: in its output, its chat, its terminal. It is never in the link, so that a link that
          went astray is not enough. It is good for ten minutes.
        </Text>
        <Input spellCheck="false" autoCapitalize="characters" maxLength={32} placeholder="••••-••••" />
        <FieldError>{wrongCode && wrongCodeText(wrongCode)}</FieldError>
      </TextField>
      <div className="actions claim-actions">
        <Button type="submit" kind="primary" isPending={confirm.isPending} isDisabled={nothingKept}>
          {confirm.isPending ? 'Claiming…' : 'Claim this account'}
        </Button>
        <RefuseDialog secret={secret} onRefused={onRefused} />
      </div>
      {nothingKept && <p className="soft">Keep at least one permission, or refuse the account.</p>}
    </Form>
  )
}

/** The agent came by a key that dies with the claim, or is registered no more: there is nothing to choose. */
const NoWayBack = () => (
  <div className="step">
    <p className="step-title">The agent is locked out</p>
    <p className="soft">It has no other way to prove who it is, so from the claim on nobody but you has this account.</p>
  </div>
)

/** A wrong code is no stop: the claimer tries again. */
function wrongCodeText({ problem }: ApiError): string {
  const left = problem['attempts_left']
  if (left === 0) return 'That is not it, or there is no code yet. Let the agent show a new one.'
  if (typeof left !== 'number') return 'That is not the code that the agent shows.'
  return `That is not the code that the agent shows. ${left === 1 ? 'One attempt is' : `${left} attempts are`} left.`
}
