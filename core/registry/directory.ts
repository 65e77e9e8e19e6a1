// Which tenant a path names, and its current snapshot.
//
// A snapshot here may be old: the truth is the config epoch, which the database compares when a token is committed
// (`log.append`, outcome 1), so an old one costs a retry and never a wrong token. NOTIFY `mayfly_config` only makes that
// rare. It is lost while the listening connection is away; when it is back, everything counts as old.
//
// Loads of one tenant never run at the same time. Whoever asks while one runs shares the next, because a change that came
// after the running one began may be missing from what it read.

import { LRUCache } from 'lru-cache'
import type { Sql } from 'postgres'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { type ConfigListener, listenForConfig } from '#db/registry/listen-config.ts'
import { findFirstTenantId, findTenantIdsBySlug, readConfigEpochs } from '#db/registry/tenants.ts'
import { loadSnapshot, type SnapshotDeps } from './load-snapshot.ts'
import type { TenantSnapshot } from './tenant.ts'

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Key of the first tenant, whose path has no slug. No slug is empty. */
const FIRST = ''

/** A slug that is asked for again soon after it was found to name nobody costs no query. */
const UNKNOWN_TTL_MS = 5_000
const MAX_UNKNOWN = 1_000

interface Loads {
  readonly running: Promise<TenantSnapshot | undefined>
  next: Promise<TenantSnapshot | undefined> | undefined
}

export class TenantDirectory {
  readonly #deps: SnapshotDeps
  readonly #bySlug = new Map<string, TenantSnapshot>()
  readonly #byId = new Map<string, TenantSnapshot>()
  readonly #old = new Set<string>()
  readonly #loads = new Map<string, Loads>()
  readonly #unknown = new LRUCache<string, true>({ max: MAX_UNKNOWN, ttl: UNKNOWN_TTL_MS })
  readonly #finding = new Map<string, Promise<TenantSnapshot | undefined>>()

  /** Anyone can ask for slugs that nobody has. However many they invent, one look-up is under way at a time. */
  readonly #bySlugs: BatchLoader<string, string>

  constructor(deps: SnapshotDeps) {
    this.#deps = deps
    this.#bySlugs = new BatchLoader(slugs => findTenantIdsBySlug(deps.db, slugs))
  }

  /** The snapshot of the tenant at this path, if it is loaded and not known to be old: nothing is waited for. */
  recall(pathSlug: string | undefined): TenantSnapshot | undefined {
    // An empty slug is none, and not the first tenant's missing one.
    if (pathSlug === FIRST) return undefined
    const loaded = this.#bySlug.get(pathSlug ?? FIRST)
    return loaded !== undefined && this.#isCurrent(loaded.tenant.id) ? loaded : undefined
  }

  /**
   * The snapshot of the tenant at `/t/<slug>`, or of the first tenant when the path has no slug, loaded if need be; undefined
   * when there is no such tenant. The first tenant is not found under its own slug: an issuer has one address.
   * Throws when the database cannot be read.
   */
  async resolve(pathSlug: string | undefined): Promise<TenantSnapshot | undefined> {
    if (pathSlug !== undefined && !SLUG.test(pathSlug)) return undefined
    const slug = pathSlug ?? FIRST
    const loaded = this.#bySlug.get(slug)
    if (loaded !== undefined) return this.#isCurrent(loaded.tenant.id) ? loaded : this.#newest(loaded.tenant.id)
    if (this.#unknown.has(slug)) return undefined
    let finding = this.#finding.get(slug)
    if (finding === undefined) {
      finding = this.#find(slug).finally(() => this.#finding.delete(slug))
      this.#finding.set(slug, finding)
    }
    return finding
  }

  /** The snapshot of the tenant with this uuid, loaded if need be; undefined when there is none. */
  async find(tenantId: string): Promise<TenantSnapshot | undefined> {
    const loaded = this.#byId.get(tenantId)
    return loaded !== undefined && this.#isCurrent(tenantId) ? loaded : this.#newest(tenantId)
  }

  #isCurrent(tenantId: string): boolean {
    return !this.#old.has(tenantId) && !this.#loads.has(tenantId)
  }

  /** As of a read that began after whatever was heard of: the running one, unless something came since. */
  #newest(tenantId: string): Promise<TenantSnapshot | undefined> {
    const loads = this.#old.has(tenantId) ? undefined : this.#loads.get(tenantId)
    return loads ? (loads.next ?? loads.running) : this.refresh(tenantId)
  }

  /** The tenant's snapshot as of a read that begins after this call. */
  refresh(tenantId: string): Promise<TenantSnapshot | undefined> {
    const loads = this.#loads.get(tenantId)
    if (loads === undefined) return this.#load(tenantId)
    loads.next ??= loads.running.then(
      () => this.#load(tenantId),
      () => this.#load(tenantId),
    )
    return loads.next
  }

  /** Marks a loaded tenant as changed; the next who asks loads it. */
  invalidate(tenantId: string): void {
    if (this.#byId.has(tenantId) || this.#loads.has(tenantId)) this.#old.add(tenantId)
    // Perhaps a new tenant, whose slug was asked for too early.
    else this.#unknown.clear()
  }

  invalidateAll(): void {
    for (const id of [...this.#byId.keys(), ...this.#loads.keys()]) this.#old.add(id)
    this.#unknown.clear()
  }

  /**
   * Marks what was changed without our hearing of it. A NOTIFY can be lost without a word (a connection that is half open),
   * and a broker that only shows its key set would never learn of it from a commit.
   */
  async compareEpochs(): Promise<void> {
    const loaded = [...this.#byId.values()]
    const ids = loaded.map(({ tenant }) => tenant.id)
    const epochs = await readConfigEpochs(this.#deps.db, ids)
    for (const { tenant, configEpoch } of loaded) if (epochs.get(tenant.id) !== configEpoch) this.invalidate(tenant.id)
  }

  /** Keeps the directory fresh through the database's notifications until `close` of what is returned. */
  listen(sql: Sql): Promise<ConfigListener> {
    return listenForConfig(sql, {
      onChange: tenantId => this.invalidate(tenantId),
      onReconnected: () => this.invalidateAll(),
    })
  }

  async #find(slug: string): Promise<TenantSnapshot | undefined> {
    const tenantId = slug === FIRST ? await findFirstTenantId(this.#deps.db) : await this.#bySlugs.load(slug)
    if (tenantId !== undefined) return this.refresh(tenantId)
    this.#unknown.set(slug, true)
    return undefined
  }

  #load(tenantId: string): Promise<TenantSnapshot | undefined> {
    // Taken off before the read begins: a change that is heard of during the read marks it again.
    const wasOld = this.#old.delete(tenantId)
    const running = this.#read(tenantId).then(
      snapshot => this.#keep(tenantId, snapshot),
      error => {
        if (wasOld) this.#old.add(tenantId)
        throw error
      },
    )
    const loads: Loads = { running, next: undefined }
    this.#loads.set(tenantId, loads)
    const done = () => {
      if (this.#loads.get(tenantId) === loads) this.#loads.delete(tenantId)
    }
    running.then(done, done)
    return running
  }

  async #read(tenantId: string): Promise<TenantSnapshot | undefined> {
    const snapshot = await loadSnapshot(this.#deps, tenantId)
    if (snapshot) await this.#deps.prepare?.(snapshot)
    return snapshot
  }

  #keep(tenantId: string, snapshot: TenantSnapshot | undefined): TenantSnapshot | undefined {
    const before = this.#byId.get(tenantId)
    if (snapshot === undefined) {
      this.#old.delete(tenantId)
      this.#byId.delete(tenantId)
      if (before) this.#bySlug.delete(keyOf(before))
      this.#deps.keyring.forget(tenantId)
      return undefined
    }
    if (before !== undefined && before.configEpoch > snapshot.configEpoch) return before
    this.#byId.set(tenantId, snapshot)
    this.#bySlug.set(keyOf(snapshot), snapshot)
    return snapshot
  }
}

const keyOf = (snapshot: TenantSnapshot): string => (snapshot.tenant.isFirst ? FIRST : snapshot.tenant.slug)
