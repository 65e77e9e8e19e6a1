// What the answer to a pushed SET means (RFC 8935 § 2). Nothing is dropped: what a receiver has not taken is sent again, and what it
// says it never will take is set aside, to be seen and sent again by hand.

export type Delivery =
  | { readonly outcome: 'accepted' }
  /** The receiver will not take this one, however often it is sent. */
  | { readonly outcome: 'refused'; readonly err: string; readonly description: string | undefined }
  | { readonly outcome: 'failed'; readonly status: number | null; readonly failure: string }

/** Errors that are about us, and so about all that follow: sent again until somebody has mended it. */
const aboutUs = new Set(['authentication_failed', 'access_denied'])
/** Errors that are about the one SET, and will be the same tomorrow. */
const aboutTheSet = new Set(['invalid_request', 'invalid_issuer', 'invalid_audience'])
/** With the others: a receiver keeps our keys for a while (`invalid_key`), and there may be errors that we do not know. */
const patience = 6

/** failures: of this stream in a row, up to now. */
export function judgeAnswer(status: number, body: string, failures: number): Delivery {
  if (status >= 200 && status < 300) return { outcome: 'accepted' }
  const { err, description } = status === 400 ? readError(body) : {}
  if (err === undefined) return { outcome: 'failed', status, failure: 'answered' }
  if (aboutUs.has(err) || (!aboutTheSet.has(err) && failures + 1 < patience)) return { outcome: 'failed', status, failure: err }
  return { outcome: 'refused', err, description }
}

/** RFC 8935 § 2.3: a JSON object with `err` and `description`. Only words of the RFC go further; the text is cut. */
function readError(body: string): { readonly err?: string; readonly description?: string } {
  try {
    const { err, description } = JSON.parse(body) as Readonly<Record<string, unknown>>
    if (typeof err !== 'string' || !/^[a-z_]{1,40}$/.test(err)) return {}
    return { err, ...(typeof description === 'string' && { description: clean(description) }) }
  } catch {
    return {}
  }
}

/** As it may be shown and logged: at most 200 characters, none of them invisible. */
export const clean = (text: string): string => text.replace(/[^\x20-\x7e\u00c0-\u024f]/g, ' ').slice(0, 200)

const longestSeconds = 300

/** When a stream that has failed so often in a row is tried again. random: 0 up to 1. */
export function holdSeconds(failures: number, askedSeconds: number | undefined, random: number): number {
  const own = Math.min(2 ** Math.min(failures - 1, 16), longestSeconds) * (0.75 + random / 2)
  return Math.max(own, Math.min(askedSeconds ?? 0, 3_600))
}
