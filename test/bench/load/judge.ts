// Only answers that verify count: status 200, a JSON object with a JWT whose claims parse, are in time and fit the request,
// a `jti` never seen before in this bench; of a sample, the signature too.

import type { Traffic } from '../contender.ts'
import type { CollectedAnswer } from './answer-store.ts'

/** One in so many signatures is verified. */
const sampleEvery = 20

export interface Verdict {
  /** Latencies in milliseconds of the answers that verified. */
  latenciesMs: number[]
  signaturesVerified: number
  rejected: number
  /** The first reasons. */
  reasons: string[]
}

/** `seen`: every `jti` so far; grows. `nowSeconds`: the time of judging, shortly after the answers. */
export async function judge(
  traffic: Traffic,
  answers: Iterable<CollectedAnswer>,
  seen: Set<string>,
  nowSeconds: number,
): Promise<Verdict> {
  const verdict: Verdict = { latenciesMs: [], signaturesVerified: 0, rejected: 0, reasons: [] }
  let position = 0
  for (const answer of answers) {
    try {
      const token = checkAnswer(traffic, answer, seen, nowSeconds)
      if (position++ % sampleEvery === 0) {
        await traffic.verify(token)
        verdict.signaturesVerified++
      }
      verdict.latenciesMs.push(answer.latencyMs)
    } catch (error) {
      verdict.rejected++
      if (verdict.reasons.length < 3) verdict.reasons.push((error as Error).message)
    }
  }
  return verdict
}

function checkAnswer(traffic: Traffic, answer: CollectedAnswer, seen: Set<string>, nowSeconds: number): string {
  if (answer.status !== 200) throw new Error(`Status ${answer.status}: ${answer.body.slice(0, 200)}`)
  const body = JSON.parse(answer.body) as Record<string, unknown>
  const token = body['access_token']
  if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]{86}$/.test(token)) throw new Error('access_token is no ES256 JWT.')
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')) as Record<string, unknown>
  const { jti, exp } = claims
  if (typeof jti !== 'string' || jti === '' || seen.has(jti)) throw new Error('jti is missing or was seen before.')
  seen.add(jti)
  if (typeof exp !== 'number' || exp <= nowSeconds) throw new Error('exp is missing or past.')
  traffic.check(body, claims, answer.index)
  return token
}
