// What a proxy is told: 200 with who calls, for the API behind it, or the refusal that the caller is to get. Identifiers only,
// from the token's own claims; the token goes no further.

import type { ServerResponse } from 'node:http'
import type { Allowed, Verdict } from '../../packages/guard/src/index.ts'

/** Sends the verdict. */
export function sendVerdict(response: ServerResponse, verdict: Verdict): void {
  if (verdict.ok) response.writeHead(200, { ...verdict.headers, ...callerHeaders(verdict) }).end()
  else sendJson(response, verdict.status, verdict.body, verdict.headers)
}

/** Sends JSON that no cache keeps. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { 'cache-control': 'no-store', ...headers, 'content-type': 'application/json' })
    .end(JSON.stringify(body))
}

function callerHeaders({ token }: Allowed): Record<string, string> {
  return {
    'x-mayfly-account': plain(token.account_id),
    'x-mayfly-subject': plain(token.sub),
    'x-mayfly-agent': plain(token.client_id),
    'x-mayfly-task': plain(token.task_id),
    'x-mayfly-token-id': plain(token.jti),
  }
}

/** A caller chooses its task's id: what a header cannot carry is percent-encoded. */
const plain = (id: string | undefined): string => (id ?? '').replace(/[^\x21-\x7e]|%/gu, encodeURIComponent)
