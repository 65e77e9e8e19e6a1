// The guard over the Web's own `Request` and `Response`.

import type { Guard } from '../guard.ts'
import type { Operation } from '../request.ts'
import type { Refused, Verdict } from '../verdict.ts'

/** What a `Request` cannot say. */
export interface WebContext {
  /** The certificate of the TLS peer, DER, or its RFC 8705 thumbprint. */
  readonly certificate?: Uint8Array | string | undefined
  readonly operation?: Operation | undefined
  readonly scope?: readonly string[] | undefined
}

/** Judges a `Request`. The request can still be read afterwards. Never throws. */
export function verifyRequest(guard: Guard, request: Request, context: WebContext = {}): Promise<Verdict> {
  return guard.verify({
    ...context,
    method: request.method,
    url: request.url,
    headers: request.headers,
    body: async () => new Uint8Array(await request.clone().arrayBuffer()),
  })
}

/** The `Response` that tells a caller about a refusal, and nothing of its reason. */
export function refusalResponse(refused: Refused): Response {
  return Response.json(refused.body, { status: refused.status, headers: refused.headers })
}
