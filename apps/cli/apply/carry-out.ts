// Does the steps of a plan, one after the other. It stops at the first that fails: what is done stays done, and the next run goes
// on from there.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import { keyOf } from './compare.ts'
import type { Plan, Step } from './plan.ts'

export interface Outcome {
  readonly step: Step
  /** `waiting` for a second person; `blocked` by something that waits; `open`: it was not come to. */
  readonly result: 'done' | 'waiting' | 'blocked' | 'failed' | 'open'
  readonly change?: string
  readonly error?: CliError
}

/** onDone: called after each step. */
export async function carryOut(broker: Broker, plan: Plan, onDone: (outcome: Outcome) => void): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const ids = new Map(plan.trustSources)
  const proposed = await readProposed(broker, plan)
  for (const step of plan.steps) {
    const outcome = await carryOutStep(broker, step, { outcomes, ids, proposed })
    outcomes.push(outcome)
    onDone(outcome)
  }
  return outcomes
}

interface State {
  readonly outcomes: readonly Outcome[]
  readonly ids: Map<string, string>
  readonly proposed: readonly Thing[]
}

async function carryOutStep(broker: Broker, step: Step, { outcomes, ids, proposed }: State): Promise<Outcome> {
  if (outcomes.some(({ result }) => result === 'failed')) return { step, result: 'open' }
  if (isBlocked(step, outcomes)) return { step, result: 'blocked' }
  const body = withIds(step.body, ids)
  const already = proposed.find(change => isSame(change, step, body))
  if (already) return { step, result: 'waiting', change: String(already['id']) }
  try {
    const { status, body: answer } = await broker.call('apply', {
      method: step.method,
      path: step.path,
      ...(body !== undefined && { body }),
    })
    if (status === 202) return { step, result: 'waiting', change: String(answer['change']) }
    if (step.section === 'trust_sources' && step.action === 'create') ids.set(step.name, String(answer['id']))
    return { step, result: 'done' }
  } catch (error) {
    if (error instanceof CliError) return { step, result: 'failed', error }
    throw error
  }
}

/** Whoever runs it again while changes wait must not propose them twice. */
async function readProposed(broker: Broker, { steps }: Plan): Promise<readonly Thing[]> {
  if (steps.every(({ section }) => section === 'tenants')) return []
  try {
    return await broker.everything('apply', '/v1/changes', { status: 'waiting' })
  } catch (error) {
    // A platform-admin sees no tenant's changes, and makes none that wait.
    if (error instanceof CliError && error.failure.status === 403) return []
    throw error
  }
}

const isSame = (change: Thing, { method, path }: Step, body: unknown): boolean =>
  change['method'] === method && change['path'] === path && keyOf(change['body'] ?? undefined) === keyOf(body)

/** Whether it needs something that is not there yet because it waits. */
function isBlocked({ section, body }: Step, outcomes: readonly Outcome[]): boolean {
  if (section !== 'agents' || body === undefined) return false
  const missing = outcomes
    .filter(({ step, result }) => step.action === 'create' && result !== 'done')
    .map(({ step }) => step.name)
  const text = JSON.stringify(body)
  return missing.some(name => text.includes(JSON.stringify(name)))
}

function withIds(body: unknown, ids: ReadonlyMap<string, string>): unknown {
  const rules = (body as Thing | undefined)?.['rules']
  if (!Array.isArray(rules)) return body
  const named = rules.map(rule =>
    'trust_source' in rule ? { ...rule, trust_source: ids.get(rule.trust_source) ?? rule.trust_source } : rule,
  )
  return { ...(body as Thing), rules: named }
}
