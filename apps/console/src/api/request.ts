// One way to ask the broker: same origin, with the session's cookie, never from a cache, never over a redirect.

import { prefix } from '../base-path.ts'

const timeoutMs = 15_000

/** What the broker refused (RFC 9457), or that it could not be asked: then status is 0. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** The broker's word for it, see docs/errors.md; '' where it gave none. */
  readonly code: string
  readonly problem: Readonly<Record<string, unknown>>

  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    super(`${status} ${String(problem['code'] ?? '')}`)
    this.status = status
    this.code = typeof problem['code'] === 'string' ? problem['code'] : ''
    this.problem = problem
  }
}

let clockOffsetMs = 0

/** The broker's time in milliseconds since the epoch, to the second: its clock counts, not the one of this machine. */
export const brokerNowMs = (): number => Date.now() + clockOffsetMs

/** path: under `/console/api`. body: sent as JSON. @throws ApiError */
export async function request<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await send(method, `${prefix}/console/api${path}`, body)
  noteClock(response.headers.get('date'))
  const answer = await readJson(response)
  if (!response.ok) throw new ApiError(response.status, answer)
  return answer as T
}

/** Ends the session. @throws ApiError */
export async function postSignOut(): Promise<void> {
  const response = await send('POST', `${prefix}/console/sign-out`, {})
  if (!response.ok && response.status !== 401) throw new ApiError(response.status, {})
}

async function send(method: string, url: string, body: object | undefined): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new ApiError(0, { code: 'unreachable' })
  }
}

async function readJson(response: Response): Promise<Readonly<Record<string, unknown>>> {
  if (response.status === 204) return {}
  try {
    return (await response.json()) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

function noteClock(date: string | null): void {
  const ms = Date.parse(date ?? '')
  if (!Number.isNaN(ms)) clockOffsetMs = ms - Date.now()
}
