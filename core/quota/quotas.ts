// What a request uses of which limits, and whether there is so much left. As long as this process holds blocks of all of them
// that is a few subtractions; else it waits for a lease, which it shares with all who wait.
//
// Whoever is refused has used nothing, and so has whoever is given units and then no token.

import { formatUuid } from '#core/ids/id.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { Agent } from '#core/registry/agent.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Clock } from '#core/time/clock.ts'
import { AccountBlocks } from './account-blocks.ts'
import { Block, type Leaser, type QuotaKind } from './block.ts'
import { type LimitName, type Limits, limitRows, withLimits } from './limits.ts'
import { QuotaError, type Standing } from './quota-error.ts'

export interface QuotaUse {
  readonly snapshot: TenantSnapshot
  readonly agent: Agent
  /** Of the caller; what it is one of (an IPv6 /64) has one budget. */
  readonly address: string
  readonly opens: boolean
  /** Whether the caller is one that nobody registered. */
  readonly stranger?: boolean | undefined
  /** The account whose token it is; undefined: a refusal, which counts against the rates only. */
  readonly account?: AccountUse | undefined
}

export interface AccountUse {
  readonly id: string
  /** undefined: a root account. */
  readonly parentId?: string | undefined
  /** What was carved for a child from its parent's; below what its registration says. */
  readonly quota?: { readonly tokens?: number; readonly spend_units?: number } | undefined
  /** Whether it was opened ahead, so that no token came with its opening. */
  readonly ahead?: boolean
  /** What the token costs. */
  readonly units: number
}

interface Part {
  readonly name: LimitName
  readonly block: Block
  readonly limit: number
  readonly units: number
  /** Of the block, when the units were taken. */
  era: number
}

/** Units that were taken. */
export interface Taken {
  readonly parts: readonly Part[]
}

interface Rates {
  readonly opens: Block
  readonly tokens: Block
  readonly units: Block
}

interface AddressRates extends Rates {
  readonly strangers: Rates
}

interface TenantBlocks extends Rates {
  readonly byAddress: GenerationCache<string, AddressRates>
  readonly byGroup: GenerationCache<string, AddressRates>
}

interface Known {
  readonly limits: Limits
  readonly tenant: TenantBlocks
  readonly agent: Rates
}

export interface QuotaDeps {
  readonly clock: Clock
  readonly lease: Leaser
  /** 16 bytes that stand for an address of a tenant, the same in every process: addresses are not stored. */
  readonly addressMac: (tenantId: string, group: string) => Buffer
  /** The one name of all addresses that share a budget. */
  readonly groupOf: (address: string) => string
}

const maxAddresses = 20_000
const maxParents = 20_000

export class Quotas {
  readonly #deps: QuotaDeps
  readonly #tenants = new Map<string, TenantBlocks>()
  readonly #agents = new Map<string, Rates>()
  readonly #parents = new GenerationCache<string, Rates>(maxParents)
  readonly #accounts: AccountBlocks
  /** By the registration as of one snapshot, so that a look-up is all that a token costs. */
  readonly #known = new WeakMap<Agent, Known>()

  constructor(deps: QuotaDeps) {
    this.#deps = deps
    this.#accounts = new AccountBlocks(deps.lease)
  }

  /** The limits of an agent's accounts, as its registration and its tenant have them. */
  limitsOf(snapshot: TenantSnapshot, agent: Agent): Limits {
    return this.#know(snapshot, agent).limits
  }

  /** What live accounts that were opened from an address count for; uuid. */
  scopeOfAddress(snapshot: TenantSnapshot, address: string): string {
    return this.#scopeOf(snapshot.tenant.id, this.#deps.groupOf(address))
  }

  /** Takes what a request needs of every limit. Throws QuotaError (at once or later), and `log_unavailable`. */
  take(use: QuotaUse): Taken | Promise<Taken> {
    const nowMs = this.#deps.clock.nowMs()
    const parts = this.#partsOf(use)
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!
      if (!part.block.tryTake(part.units, part.limit, nowMs)) {
        this.giveBack({ parts: parts.slice(0, i) })
        return this.#waitFor(parts)
      }
      part.era = part.block.era
    }
    return { parts }
  }

  /** What was taken for a token that was not issued. */
  giveBack({ parts }: Taken): void {
    for (const { block, units, era } of parts) block.giveBack(units, era)
  }

  /**
   * Sets units of a parent's account limits apart for a child, for good; false: the parent has not so many left.
   * Throws BrokerError `log_unavailable`.
   */
  async carve(use: QuotaUse & { readonly account: AccountUse }, kind: 'account_tokens' | 'account_units', units: number) {
    const { limits } = this.#know(use.snapshot, use.agent)
    const limit = accountLimit(limits, use.account, kind)
    if (limit === null) return true
    const block = this.#accounts.get({ tenantId: use.snapshot.tenant.id, scope: use.account.id, kind }, limit, {
      opens: false,
      ahead: use.account.ahead === true,
    })
    return (await block.take(units, limit, this.#deps.clock.nowMs())) !== undefined
  }

  /** What the agent may still use: of its rate, and of its account. */
  standings({ parts }: Taken): Standing[] {
    const nowMs = this.#deps.clock.nowMs()
    return parts.filter(({ name }) => shown.has(name)).map(part => standingOf(part, nowMs))
  }

  /** Gives back what this process holds of accounts' totals, which would else be lost to them. */
  async close(): Promise<void> {
    await this.#accounts.close()
  }

  /** All at once: leases that are asked for together share a round trip. */
  async #waitFor(parts: readonly Part[]): Promise<Taken> {
    const nowMs = this.#deps.clock.nowMs()
    const taking = await Promise.allSettled(parts.map(({ block, units, limit }) => block.take(units, limit, nowMs)))
    const taken = parts.filter((part, i) => {
      const outcome = taking[i]!
      if (outcome.status === 'rejected' || outcome.value === undefined) return false
      part.era = outcome.value
      return true
    })
    if (taken.length === parts.length) return { parts }
    this.giveBack({ parts: taken })
    const failure = taking.find(outcome => outcome.status === 'rejected')
    throw failure ? failure.reason : new QuotaError(standingOf(parts.find(part => !taken.includes(part))!, nowMs))
  }

  #partsOf({ snapshot, agent, address, opens, stranger, account }: QuotaUse): Part[] {
    const known = this.#know(snapshot, agent)
    const { limits } = known
    const parts: Part[] = []
    const add = (name: LimitName, block: Block, units = 1): void => {
      const limit = limits[name]
      if (limit !== null) parts.push({ name, block, limit, units, era: 0 })
    }
    const near = this.#ratesOfAddress(snapshot.tenant.id, known.tenant, address)
    if (opens) {
      add('tenant_opens_per_minute', known.tenant.opens)
      add('agent_opens_per_minute', known.agent.opens)
      add('address_opens_per_minute', near.opens)
      if (stranger) add('anonymous_address_opens_per_minute', near.strangers.opens)
    }
    const units = account?.units ?? 0
    if (units > 0) {
      add('tenant_units_per_minute', known.tenant.units, units)
      add('agent_units_per_minute', known.agent.units, units)
      add('address_units_per_minute', near.units, units)
    }
    add('tenant_tokens_per_minute', known.tenant.tokens)
    add('agent_tokens_per_minute', known.agent.tokens)
    add('address_tokens_per_minute', near.tokens)
    // What all strangers have together is little: no single one may use it up. Also where it comes with its account's token.
    if (agent.id === snapshot.anonymousAgentId) add('anonymous_address_tokens_per_minute', near.strangers.tokens)
    if (account) this.#addAccount(parts, add, { tenantId: snapshot.tenant.id, limits, opens }, account)
    return parts
  }

  #addAccount(
    parts: Part[],
    add: (name: LimitName, block: Block, units?: number) => void,
    { tenantId, limits, opens }: { readonly tenantId: string; readonly limits: Limits; readonly opens: boolean },
    account: AccountUse,
  ): void {
    if (account.parentId !== undefined) {
      const parent = this.#ratesOfParent(tenantId, account.parentId)
      if (opens) add('parent_opens_per_minute', parent.opens)
      add('parent_tokens_per_minute', parent.tokens)
      if (account.units > 0) add('parent_units_per_minute', parent.units, account.units)
    }
    for (const [kind, name, units] of [
      ['account_tokens', 'account_tokens', 1],
      ['account_units', 'account_spend_units', account.units],
    ] as const) {
      const limit = units === 0 ? null : accountLimit(limits, account, kind)
      if (limit === null) continue
      const block = this.#accounts.get({ tenantId, scope: account.id, kind }, limit, { opens, ahead: account.ahead === true })
      parts.push({ name, block, limit, units, era: 0 })
    }
  }

  #know(snapshot: TenantSnapshot, agent: Agent): Known {
    let known = this.#known.get(agent)
    if (!known) {
      const tenantId = snapshot.tenant.id
      known = {
        limits: withLimits(snapshot.limits, agent.settings.limits),
        tenant: this.#blocksOfTenant(tenantId),
        agent: this.#agents.get(agent.id) ?? this.#rates(tenantId, agent.id),
      }
      this.#agents.set(agent.id, known.agent)
      this.#known.set(agent, known)
    }
    return known
  }

  #blocksOfTenant(tenantId: string): TenantBlocks {
    let blocks = this.#tenants.get(tenantId)
    if (!blocks) {
      const byAddress = new GenerationCache<string, AddressRates>(maxAddresses)
      blocks = { ...this.#rates(tenantId, tenantId), byAddress, byGroup: new GenerationCache(maxAddresses) }
      this.#tenants.set(tenantId, blocks)
    }
    return blocks
  }

  #ratesOfAddress(tenantId: string, { byAddress, byGroup }: TenantBlocks, address: string): AddressRates {
    const known = byAddress.get(address)
    if (known) return known
    const group = this.#deps.groupOf(address)
    const rates = byGroup.get(group) ?? this.#addressRates(tenantId, group)
    byGroup.set(group, rates)
    byAddress.set(address, rates)
    return rates
  }

  #ratesOfParent(tenantId: string, parentId: string): Rates {
    const rates = this.#parents.get(parentId) ?? this.#rates(tenantId, parentId)
    this.#parents.set(parentId, rates)
    return rates
  }

  #addressRates(tenantId: string, group: string): AddressRates {
    const scope = (name: string): string => this.#scopeOf(tenantId, name)
    return { ...this.#rates(tenantId, scope(group)), strangers: this.#rates(tenantId, scope(`anonymous ${group}`)) }
  }

  #scopeOf(tenantId: string, name: string): string {
    return formatUuid(this.#deps.addressMac(tenantId, name).toString('hex'))
  }

  #rates(tenantId: string, scope: string): Rates {
    const block = (kind: QuotaKind): Block => new Block({ tenantId, scope, kind }, 0, this.#deps.lease)
    return { opens: block('opens'), tokens: block('tokens'), units: block('units') }
  }
}

const shown = new Set<LimitName>(['agent_opens_per_minute', 'agent_tokens_per_minute', 'account_tokens', 'account_spend_units'])

/** What the account may ever use; null: without limit. */
function accountLimit(limits: Limits, { quota }: AccountUse, kind: 'account_tokens' | 'account_units'): number | null {
  const said = kind === 'account_tokens' ? limits.account_tokens : limits.account_spend_units
  const carved = kind === 'account_tokens' ? quota?.tokens : quota?.spend_units
  if (carved === undefined) return said
  return said === null ? carved : Math.min(said, carved)
}

function standingOf({ name, block, limit }: Part, nowMs: number): Standing {
  const lapses = limitRows[name].windowSeconds > 0
  const resetSeconds = lapses ? Math.max(1, Math.ceil((block.endsMs - nowMs) / 1000)) : undefined
  return { name, limit, remaining: block.remaining, resetSeconds }
}
