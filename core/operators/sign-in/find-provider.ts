import { BatchLoader } from '#core/memory/batch-loader.ts'
import {
  findAnySignInProviders,
  findSignInOffers,
  type SignInOffer,
  type SignInProviderRow,
} from '#db/operators/sign-in-providers.ts'
import type { Executor } from '#db/unscoped-db.ts'

/** Strangers ask these: however many come, one look-up of each sort is under way at a time. */
export interface SignInLookUps {
  /** id: uuid. */
  findProvider(id: string): Promise<SignInProviderRow | undefined>
  /** slug: of a tenant; undefined: the first one, and the deployment's own providers behind. Undefined: no such tenant. */
  findOffers(slug: string | undefined): Promise<readonly SignInOffer[] | undefined>
}

export function createSignInLookUps(db: Executor): SignInLookUps {
  const providers = new BatchLoader<string, SignInProviderRow>(ids => findAnySignInProviders(db, ids))
  const offers = new BatchLoader<string, SignInOffer[]>(slugs => findSignInOffers(db, slugs))
  return { findProvider: id => providers.load(id), findOffers: slug => offers.load(slug ?? '') }
}
