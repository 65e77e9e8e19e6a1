// Moments at which a test may end the process to see what is left. In the product nobody listens: the hook is absent, and
// only the broker's configuration can set one, which refuses it in production (`apps/broker/failpoint.ts`).

export const failpointNames = [
  /** A batch is about to be sent. */
  'before-batch',
  /** A batch has been sent, and its fate is open. */
  'batch-sent',
  /** A batch is committed; none of its callers knows. */
  'after-commit',
  /** A token is committed and signed; its caller knows nothing. */
  'before-answer',
  /** The same, of a call that opened an account. */
  'account-opened',
  /** A repeated opening has its token; the claim secret is still the old one. */
  'before-claim-renewal',
  /** The claim secret is replaced; its caller knows nothing. */
  'after-claim-renewal',
] as const

export type FailpointName = (typeof failpointNames)[number]
export type Failpoint = (name: FailpointName) => void
