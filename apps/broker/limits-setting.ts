import type { Environment } from '#apps/process/read-secret.ts'
import { findLimitFaults, type Limits, standardLimits, withLimits } from '#core/quota/limits.ts'

/** `MAYFLY_LIMITS`: JSON of the defaults that are other than the published ones. What is wrong with it goes to `problems`. */
export function readLimits(env: Environment, problems: string[]): Limits {
  const text = env['MAYFLY_LIMITS']
  if (!text) return standardLimits
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    said = undefined
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) {
    problems.push('MAYFLY_LIMITS must be a JSON object of limits (docs/reference/limits.md).')
    return standardLimits
  }
  const faults = findLimitFaults(said as Record<string, unknown>, '', false)
  problems.push(...faults.map(({ pointer, detail }) => `MAYFLY_LIMITS${pointer}: ${detail}`))
  return withLimits(standardLimits, said as Partial<Limits>)
}
