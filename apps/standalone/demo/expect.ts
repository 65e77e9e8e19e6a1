import type { Reply } from './ask.ts'

/** A step that did not come out as it must. */
export class UnexpectedOutcome extends Error {
  override readonly name = 'UnexpectedOutcome'
}

/** Throws UnexpectedOutcome unless status and OAuth error are exactly these. error: undefined for none. */
export function expectReply(reply: Reply, status: number, error?: string): void {
  if (reply.status === status && reply.error === error) return
  const description = reply.body['error_description']
  throw new UnexpectedOutcome(
    `expected ${words(status, error)}, got ${words(reply.status, reply.error)}${description ? `: ${description}` : ''}`,
  )
}

/** Throws UnexpectedOutcome with `message` unless `holds`. */
export function expectThat(holds: boolean, message: string): void {
  if (!holds) throw new UnexpectedOutcome(message)
}

const words = (status: number, error: string | undefined): string => [status, error].filter(Boolean).join(' ')
