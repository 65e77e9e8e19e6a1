// What a client is doing on the way to a token, for whoever wants to show it. No token, no key, no body.

/** One step. */
export type ProgressStep =
  | { readonly step: 'discovering'; readonly issuer: string }
  /** Solving the challenge that strangers get. */
  | { readonly step: 'working' }
  | { readonly step: 'exchanging'; readonly resource: string }
  /** Before it tries again: the broker asked for it, or did not answer. error: as in `MayflyError.error`. */
  | { readonly step: 'waiting'; readonly attempt: number; readonly delayMs: number; readonly error: string }
  | {
      readonly step: 'issued'
      readonly resource: string
      readonly accountId: string | undefined
      readonly taskId: string | undefined
      readonly expiresAt: Date
    }

/** Tells a listener. A spinner that fails must not cost a token. */
export function tell(listener: ((step: ProgressStep) => void) | undefined, step: ProgressStep): void {
  try {
    listener?.(step)
  } catch {
    // Its own affair.
  }
}
