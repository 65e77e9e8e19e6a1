// The secret of a claim link stands behind `#`, so no server ever saw it on the way. It is taken out of the address at once, and
// kept for this tab only, so that it outlives the way over the sign-in page and a reload.
//
// What the tab remembers: the secret while the claim is open; once it is decided, what became of it, so that going back shows
// that instead of a riddle.

import { prefix } from '../base-path.ts'

const secretKey = `mayfly.claim${prefix}`
const outcomeKey = `mayfly.claim.outcome${prefix}`

export type Outcome = { readonly kind: 'claimed'; readonly accountId: string } | { readonly kind: 'refused' }

export type ClaimLink = { readonly secret: string } | { readonly outcome: Outcome } | undefined

/** Takes the secret out of the address, if one is there, and says what this tab has to do. */
export function readClaimLink(): ClaimLink {
  const secret = decodeURIComponentOr(location.hash.slice(1))
  if (secret !== '') {
    history.replaceState(history.state, '', location.pathname)
    sessionStorage.setItem(secretKey, secret)
    sessionStorage.removeItem(outcomeKey)
    return { secret }
  }
  const kept = sessionStorage.getItem(secretKey)
  if (kept !== null) return { secret: kept }
  const outcome = sessionStorage.getItem(outcomeKey)
  return outcome === null ? undefined : { outcome: JSON.parse(outcome) as Outcome }
}

/** The claim is decided: the secret goes. */
export function keepOutcome(outcome: Outcome): void {
  sessionStorage.removeItem(secretKey)
  sessionStorage.setItem(outcomeKey, JSON.stringify(outcome))
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text).trim()
  } catch {
    return text.trim()
  }
}
