import type { TenantSnapshot } from '#core/registry/tenant.ts'

// Not a cache: each snapshot has one mark, which goes with it.
const marks = new WeakMap<TenantSnapshot, object>()

/**
 * Stands for a snapshot in what is remembered about subjects. An entry that held the snapshot itself would keep a registry
 * of the past alive until it is pushed out, one for each change of configuration.
 */
export function markOf(snapshot: TenantSnapshot): object {
  const known = marks.get(snapshot)
  if (known) return known
  const mark = Object.freeze({})
  marks.set(snapshot, mark)
  return mark
}
