// The steps of a rotation. Each is one transaction with one audit event, looks again under the tenant's lock whether it is
// still to be done, and does nothing when it is not. So two workers at once, or one that was killed and starts again, do
// each step once.
//
// No token is signed by a key that has stopped signing: each step raises the tenant's config epoch and takes the log's head
// last, as every change does, and `log.append` compares the epoch behind it. A token that is being made meanwhile by the
// old key is not committed, hence never handed out; the broker makes it again with the new one.

import type { FactsOf } from '#core/audit/catalogue/catalogue.ts'
import type { WhoFacts } from '#core/audit/catalogue/fields.ts'
import { recordEvent } from '#core/audit/record.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { holdTenant } from '#core/registry/tenants.ts'
import type { Trx } from '#db/connect.ts'
import { type DueStep, type KeyRow, type KeyState, limitIdleTime, liveKeys, stepKey } from '#db/keys/key-rows.ts'
import type { FreshKey, RotatingUse } from './rotating-use.ts'

export interface KeyChange {
  /** uuid */
  readonly tenantId: string
  readonly alg: string
  /** The database's clock. */
  readonly nowMs: number
  /** Who does it: `actorFacts`, or `{by: 'schedule'}`. */
  readonly facts: WhoFacts
}

/** Publishes a key that will sign later. False when one is published already. */
export async function publishSuccessor(trx: Trx, use: RotatingUse, fresh: FreshKey, change: KeyChange): Promise<boolean> {
  const keys = await holdKeys(trx, use, change)
  if (keys.some(key => key.state === 'next')) return false
  await fresh.insert(trx, 'next', change.nowMs)
  await record(trx, use, change, 'published', { kid: fresh.kid })
  return true
}

/** The published key signs from now on; the one before it is only published. False when no key has been published for long enough. */
async function activateSuccessor(trx: Trx, use: RotatingUse, change: KeyChange): Promise<boolean> {
  const keys = await holdKeys(trx, use, change)
  const next = keys.find(key => key.state === 'next')
  if (!next || !isOver(next, use.times.aheadSeconds, change.nowMs)) return false
  const before = keys.find(key => key.state === 'active')
  if (before) await move(trx, use, { id: before.id, from: 'active', to: 'retiring' }, change.nowMs)
  await move(trx, use, { id: next.id, from: 'next', to: 'active' }, change.nowMs)
  await record(trx, use, change, 'activated', { kid: next.kid, ...(before && { retiring: before.kid }) })
  return true
}

/** Retires the key that has been retiring longest: its last token has ended. False when there is none. */
async function retireKey(trx: Trx, use: RotatingUse, change: KeyChange): Promise<boolean> {
  const keys = await holdKeys(trx, use, change)
  const [oldest] = keys
    .filter(key => key.state === 'retiring' && isOver(key, use.times.retiringSeconds, change.nowMs))
    .sort((a, b) => a.state_since.getTime() - b.state_since.getTime())
  if (!oldest) return false
  await move(trx, use, { id: oldest.id, from: 'retiring', to: 'retired' }, change.nowMs)
  await record(trx, use, change, 'retired', { kid: oldest.kid })
  return true
}

/**
 * For an emergency: every key of the algorithm is retired at once, the one that was to come too, since it lay where they
 * lay; a fresh one signs. Whatever they signed is worth nothing from the moment a verifier hears of it. Returns their `kid`s.
 */
export async function replaceKeys(trx: Trx, use: RotatingUse, fresh: FreshKey, change: KeyChange): Promise<string[]> {
  const keys = await holdKeys(trx, use, change)
  for (const { id, state } of keys) await move(trx, use, { id, from: state, to: 'retired' }, change.nowMs)
  await fresh.insert(trx, 'active', change.nowMs)
  const retired = keys.map(key => key.kid)
  await record(trx, use, change, 'replaced', { kid: fresh.kid, retired })
  return retired
}

/** For an emergency: one key that does not sign stops being published at once. False when it is retired already, or never was. */
export async function retireKeyNow(trx: Trx, use: RotatingUse, kid: string, change: KeyChange): Promise<boolean> {
  const key = (await holdKeys(trx, use, change)).find(each => each.kid === kid)
  if (!key) return false
  if (key.state === 'active') throw new BrokerError('conflict', { hint: 'This key signs since a moment ago. Ask again.' })
  await move(trx, use, { id: key.id, from: key.state, to: 'retired' }, change.nowMs)
  await record(trx, use, change, 'retired', { kid })
  return true
}

/** How `findDueSteps` names them. fresh: only for `publish`. */
export function takeStep(
  trx: Trx,
  use: RotatingUse,
  step: DueStep['step'],
  change: KeyChange,
  fresh: FreshKey | undefined,
): Promise<boolean> {
  if (step === 'publish') return fresh ? publishSuccessor(trx, use, fresh, change) : Promise.resolve(false)
  return step === 'activate' ? activateSuccessor(trx, use, change) : retireKey(trx, use, change)
}

/** The tenant's keys of that algorithm that are not retired, held until the transaction ends. */
async function holdKeys(trx: Trx, use: RotatingUse, { tenantId, alg }: KeyChange): Promise<KeyRow[]> {
  await limitIdleTime(trx)
  await holdTenant(trx, tenantId)
  return liveKeys(trx, use.table, tenantId, alg)
}

async function move(trx: Trx, use: RotatingUse, key: { id: string; from: KeyState; to: KeyState }, nowMs: number): Promise<void> {
  if (!(await stepKey(trx, use.table, key, nowMs)))
    throw new BrokerError('internal', { detail: `key ${key.id} is not ${key.from} although its tenant is held` })
}

const isOver = (key: KeyRow, seconds: number, nowMs: number): boolean => key.state_since.getTime() + seconds * 1000 <= nowMs

type Step = 'published' | 'activated' | 'retired' | 'replaced'

function record(
  trx: Trx,
  use: RotatingUse,
  change: KeyChange,
  what: Step,
  facts: { readonly kid: string } & Partial<
    Pick<FactsOf<'signing_key.activated'>, 'retiring'> & Pick<FactsOf<'signing_key.replaced'>, 'retired'>
  >,
): Promise<void> {
  const { tenantId, alg, nowMs } = change
  return recordEvent(trx, { type: `${use.events}.${what}`, tenantId, facts: { ...change.facts, alg, ...facts } }, nowMs)
}
