// Where a claim does not go on: one row for each reason, in words for somebody who has never heard of Mayfly.

import type { Person } from '../api/contract.ts'
import { ApiError } from '../api/request.ts'
import { Button } from '../layout/button.tsx'
import { LinkButton } from '../layout/link-button.tsx'
import { Notice } from '../layout/notice.tsx'
import { OtherPerson } from '../sign-in/other-person.tsx'
import { Foreign } from '../text/foreign.tsx'

type Way = 'retry' | 'other person' | 'my accounts'

interface Stop {
  readonly title: string
  readonly text: string
  readonly ways: readonly Way[]
}

const nothingChanged = 'Opening this page has changed nothing.'

const stops: Readonly<Record<string, Stop>> = {
  no_link: {
    title: 'There is no claim link here',
    text: 'A claim link ends in # and a long secret. If part of it was cut off on the way, copy the whole link and open it again.',
    ways: ['my accounts'],
  },
  claim_expired: {
    title: 'This link has ended',
    text: 'The account behind it has reached its deadline, was finished or revoked, or its link was refused. A claim link never works again after that. If the work still matters, ask for a new task, and a new link.',
    ways: ['my accounts'],
  },
  already_claimed: {
    title: 'This account has been claimed',
    text: 'Somebody was there before you. An account has one owner, and its link works once. If it was you, you find it among your accounts.',
    ways: ['my accounts'],
  },
  not_claimable_by_you: {
    title: 'This account is not for you to claim',
    text: `Its organisation lets only certain people claim accounts of this agent, and you are not among them. ${nothingChanged}`,
    ways: ['other person'],
  },
  other_tenant: {
    title: 'You are signed in at another organisation',
    text: `This link belongs to an organisation other than the one that you are signed in at. ${nothingChanged}`,
    ways: ['other person'],
  },
  not_found: {
    title: 'This link leads nowhere',
    text: 'There is no account for this secret here. Most likely a part of the link was lost: copy the whole of it and open it again.',
    ways: ['retry'],
  },
  too_many_codes: {
    title: 'Too many wrong codes',
    text: 'To keep guessers out, this code no longer works. Have the agent show a new one, then try again. The account itself goes on until its deadline.',
    ways: ['retry'],
  },
  unreachable: {
    title: 'Mayfly does not answer',
    text: 'The broker cannot be reached right now. Your link is kept in this tab; nothing is lost.',
    ways: ['retry'],
  },
  otherwise: {
    title: 'That did not work',
    text: 'The broker could not answer this. Your link is kept in this tab; try again in a moment.',
    ways: ['retry'],
  },
}

export interface ClaimStopProps {
  readonly code?: string
  readonly error?: Error
  readonly person?: Person
  readonly onRetry?: () => unknown
}

/** Either the code of a stop, or the error that led to it. */
export function ClaimStop({ code, error, person, onRetry }: ClaimStopProps) {
  const { title, text, ways } = stops[code ?? codeOf(error)] ?? stops['otherwise']!
  return (
    <Notice title={title} text={text}>
      {person && ways.includes('other person') && (
        <p className="soft">
          Signed in as <Foreign text={person.name ?? person.subject} />.
        </p>
      )}
      <div className="actions">
        {ways.includes('retry') && onRetry && <Button onPress={() => void onRetry()}>Try again</Button>}
        {ways.includes('other person') && <OtherPerson />}
        {ways.includes('my accounts') && <LinkButton to="/console">My accounts</LinkButton>}
      </div>
    </Notice>
  )
}

/** The row for what a broker answered. */
export function codeOf(error: Error | undefined): string {
  if (!(error instanceof ApiError)) return 'otherwise'
  if (Object.hasOwn(stops, error.code)) return error.code
  if (error.status === 404) return 'not_found'
  if (error.status === 410) return 'claim_expired'
  return error.status === 409 ? 'already_claimed' : 'otherwise'
}
