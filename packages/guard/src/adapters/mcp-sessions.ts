// An MCP session is named by a header or query that whoever reads it can send. So a session belongs to the account that first used it
// with success: to others it is not there. Kept in this process, as the sessions themselves are.

const maxSessions = 10_000

/** Which account each session belongs to. */
export class McpSessions {
  readonly #owners = new Map<string, string>()

  /** Whether the account may use the session: it is its own, or nobody's yet. */
  isOpenTo(session: string, account: string): boolean {
    return (this.#owners.get(session) ?? account) === account
  }

  /** Takes note of a use by an account that it is open to. method, status: of the exchange, once it was answered. */
  used(session: string, account: string, method: string | undefined, status: number): void {
    // What the server did not know is no session, so names that somebody makes up take nobody's place.
    if (status >= 400) return
    this.#owners.delete(session)
    if (method === 'DELETE') return
    this.#owners.set(session, account)
    if (this.#owners.size > maxSessions) this.#owners.delete(this.#unused(session, account))
  }

  /** What makes room: what the same account has not used for longest. Else whoever opens many would make others' nobody's again. */
  #unused(session: string, account: string): string {
    for (const [other, owner] of this.#owners) if (owner === account && other !== session) return other
    return this.#owners.keys().next().value ?? ''
  }
}

/** All sessions that a request names: in the header, and in the query, as the older transport (SSE) has it. */
export function sessionsNamed(header: string | null | undefined, target = ''): string[] {
  const query = target.includes('?') ? new URLSearchParams(target.slice(target.indexOf('?'))).getAll('sessionId') : []
  return [header, ...query].filter(session => typeof session === 'string')
}

/** What a server says of a session that it does not know; a client then opens a new one. */
export const sessionNotFound = {
  status: 404,
  body: { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null },
} as const
