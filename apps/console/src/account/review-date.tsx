import { type FormEvent, useState } from 'react'
import { Input, Label, TextField } from 'react-aria-components'
import { useChange } from '../api/accounts.ts'
import type { Account } from '../api/contract.ts'
import { Button } from '../layout/button.tsx'
import { showDay } from '../text/time.ts'
import { dayFromNow, reviewIsDue } from './review-due.ts'

/** A claimed account has no deadline. Its owner looks at it again from time to time instead, and moves the date on. */
export function ReviewDate({ account }: { readonly account: Account }) {
  const change = useChange(account.id)
  const [day, setDay] = useState(account.review_on?.slice(0, 10) ?? dayFromNow(90))
  const due = account.review_on !== null && reviewIsDue(account.review_on)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate({ verb: 'review', review_on: day })
  }
  return (
    <section className="panel">
      <h2>Review</h2>
      <p className={due ? 'warn-text' : 'soft'}>
        {account.review_on === null && 'No date is set.'}
        {account.review_on !== null &&
          due &&
          `Was due on ${showDay(account.review_on)}. Is it still needed? Then choose the next date.`}
        {account.review_on !== null && !due && `You look at it again by ${showDay(account.review_on)}.`}
      </p>
      <form className="row" onSubmit={submit}>
        <TextField type="date" value={day} onChange={setDay} isRequired>
          <Label>Next review</Label>
          <Input min={dayFromNow(1)} max={dayFromNow(366)} />
        </TextField>
        <Button type="submit" isPending={change.isPending} isDisabled={day === account.review_on?.slice(0, 10)}>
          Set
        </Button>
      </form>
      {change.isError && (
        <p className="fault" role="alert">
          That date was not taken. It must lie ahead, by a year at most.
        </p>
      )}
    </section>
  )
}
