// POST /workload-token: mints whatever it is asked for. Only programs on this machine (or in the container network) may
// ask; a web page in the developer's browser may not, so requests with an `Origin` are refused and the body must be JSON,
// which another site cannot send without a preflight that nobody answers.

import type { Middleware } from 'koa'
import type { WorkloadTokenAlgorithm } from './idp-keys.ts'
import { readBody } from './read-body.ts'
import { defaultTtlSeconds, type WorkloadTokenInput } from './workload-token.ts'

const maxTtlSeconds = 86_400

export type WorkloadTokenRequest = Omit<WorkloadTokenInput, 'issuer' | 'nowSeconds'>

/** Koa middleware. `mayAsk` says whether a peer address may have tokens; `mint` makes one. */
export function workloadTokenRoute(input: {
  mayAsk: (remoteAddress: string) => boolean
  mint: (request: WorkloadTokenRequest) => string
}): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/workload-token') return next()
    ctx.set('cache-control', 'no-store')
    if (!input.mayAsk(ctx.req.socket.remoteAddress ?? '') || ctx.get('origin') !== '') return refuse(403, 'Not from there.')
    if (ctx.method !== 'POST') return refuse(405, 'POST a JSON object.')
    if (!/^application\/json(?:; *charset=utf-8)?$/i.test(ctx.get('content-type'))) return refuse(415, 'Send application/json.')
    const text = await readBody(ctx.req)
    if (text === undefined) return refuse(413, 'The body is too large.')
    const request = parseRequest(text)
    if (typeof request === 'string') return refuse(400, request)
    ctx.body = { token: input.mint(request) }

    function refuse(status: number, description: string): void {
      ctx.status = status
      ctx.body = { error: 'invalid_request', error_description: description }
    }
  }
}

/** The request as typed values, or one sentence that says what is wrong with it. */
export function parseRequest(text: string): WorkloadTokenRequest | string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return 'The body is not JSON.'
  }
  if (!isObject(body)) return 'The body must be an object.'
  const { sub, aud, run_id, claims, ttl_seconds = defaultTtlSeconds, cnf, alg = 'ES256', ...rest } = body
  if (Object.keys(rest).length > 0) return `Unknown member: ${Object.keys(rest)[0]}.`
  if (!isText(sub)) return 'sub must be a non-empty string.'
  if (!isText(aud) && !(Array.isArray(aud) && aud.length > 0 && aud.every(isText)))
    return 'aud must be a string or an array of strings.'
  if (run_id !== undefined && !isText(run_id)) return 'run_id must be a non-empty string.'
  if (claims !== undefined && !isObject(claims)) return 'claims must be an object.'
  if (!Number.isInteger(ttl_seconds) || Math.abs(ttl_seconds as number) > maxTtlSeconds)
    return `ttl_seconds must be whole and at most ${maxTtlSeconds}.`
  if (cnf !== undefined && !(isObject(cnf) && Object.values(cnf).every(isText))) return 'cnf must be an object of strings.'
  if (alg !== 'ES256' && alg !== 'RS256') return 'alg must be ES256 or RS256.'
  return {
    sub,
    aud: aud as string | string[],
    ttlSeconds: ttl_seconds as number,
    alg: alg satisfies WorkloadTokenAlgorithm,
    ...(run_id !== undefined && { runId: run_id }),
    ...(claims !== undefined && { claims }),
    ...(cnf !== undefined && { cnf: cnf as Record<string, string> }),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
