import { useState } from 'react'

const problems: Readonly<Record<string, string>> = {
  cancelled: 'The sign-in was cancelled. Nothing has changed.',
  expired: 'That sign-in took too long or began in another tab. Please begin again.',
  refused: 'The provider signed you in, but this organisation does not let you in with it.',
  unavailable: 'The provider does not answer right now. Please try again in a moment.',
}

/** What a sign-in that failed left in the address (`?sign_in=…`), in words. It is taken out, so that a reload forgets it. */
export function useSignInProblem(): string | undefined {
  const [problem] = useState(() => {
    const query = new URLSearchParams(location.search)
    const word = query.get('sign_in')
    if (word === null) return undefined
    history.replaceState(history.state, '', location.pathname)
    return Object.hasOwn(problems, word) ? problems[word] : 'The sign-in did not work. Please try again.'
  })
  return problem
}
