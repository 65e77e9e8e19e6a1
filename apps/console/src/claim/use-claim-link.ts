import { useEffect, useState } from 'react'
import { type ClaimLink, readClaimLink } from './claim-link.ts'

/** Also when another link is pasted into the same tab, or the page comes back from the browser's memory. */
export function useClaimLink(): [ClaimLink, () => void] {
  const [link, setLink] = useState(readClaimLink)
  useEffect(() => {
    const read = () => setLink(readClaimLink())
    addEventListener('hashchange', read)
    addEventListener('pageshow', read)
    return () => {
      removeEventListener('hashchange', read)
      removeEventListener('pageshow', read)
    }
  }, [])
  return [link, () => setLink(readClaimLink())]
}
