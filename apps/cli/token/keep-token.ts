// `--watch`: a file that always holds a good token. It is replaced as a whole and in time; when the broker cannot be reached the
// old one stays while it lives, and asking goes on.

import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError, type TaskToken, type TaskTokenValue } from '../../../packages/client/src/index.ts'
import type { Io } from '../io.ts'

/** The client renews between 0.75 and 0.85 of a token's life when asked: after this share it surely does. */
const askAgainAt = 0.86
const retryMs = 5000

export interface Keeping {
  onToken(value: TaskTokenValue): void
  onFailure(error: MayflyError, againInMs: number): void
}

/** Until the signal aborts, or the broker refuses: then throws its MayflyError. */
export async function keepToken(io: Io, token: TaskToken, { onToken, onFailure }: Keeping): Promise<void> {
  let last: string | undefined
  while (!io.signal.aborted) {
    let delayMs = retryMs
    try {
      const value = await token.get({ signal: io.signal })
      // A renewal that failed for now gives the old one again.
      if (value.accessToken !== last) {
        onToken(value)
        last = value.accessToken
        delayMs = Math.max(1000, (value.expiresAt.getTime() - io.nowMs()) * askAgainAt)
      }
    } catch (error) {
      if (io.signal.aborted) return
      if (!(error instanceof MayflyError) || !mayPass(error)) throw error
      delayMs = (error.retryAfterSeconds ?? 0) * 1000 || retryMs
      onFailure(error, delayMs)
    }
    await pause(delayMs, undefined, { signal: io.signal }).catch(() => undefined)
  }
}

const mayPass = ({ error, status }: MayflyError): boolean => error === 'connection_failed' || status === 429 || status === 503
