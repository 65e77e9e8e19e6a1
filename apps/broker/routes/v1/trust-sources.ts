import { registerTrustSource, removeTrustSource, replaceTrustSource } from '#core/registry/trust-sources.ts'
import { findTrustSource, listTrustSources } from '#db/registry/trust-sources.ts'
import { registerCollection } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { TrustSourceBody, TrustSourceView, viewTrustSource } from './trust-source-kinds/table.ts'

export function trustSourceRoutes(app: V1App, deps: V1Deps): void {
  registerCollection(app, deps, {
    path: '/v1/trust-sources',
    idKind: 'trustSource',
    noun: 'trust source',
    Body: TrustSourceBody,
    View: TrustSourceView,
    toView: viewTrustSource,
    list: listTrustSources,
    find: findTrustSource,
    create: registerTrustSource,
    replace: replaceTrustSource,
    remove: removeTrustSource,
  })
}
