import { type Static, Type } from 'typebox'
import { permissionTypeNames } from '#core/permission/types.ts'
import type { ResourceConfig } from '#core/registry/resource.ts'
import { registerResource, removeResource, replaceResource } from '#core/registry/resources.ts'
import { findResource, listResources, type ResourceRow } from '#db/registry/resources.ts'
import { registerCollection, stamps } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, Name, Text, Time, Uri } from './schemas.ts'

const ScopeEntry = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 200 }), description: Text('For those who approve it.') },
  closed,
)

const body = {
  uri: Uri('RFC 8707 resource URI, compared byte for byte; the `aud` of its tokens. One owner in the whole deployment.'),
  name: Name,
  scopes: Type.Optional(Type.Array(ScopeEntry, { maxItems: 64, default: [] })),
  details_types: Type.Optional(Type.Array(Type.Enum([...permissionTypeNames]), { maxItems: 16, uniqueItems: true, default: [] })),
  risk_class: Type.Optional(Type.Enum(['low', 'medium', 'high'], { default: 'medium' })),
  max_ttl_seconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 3600, default: 300 })),
  replay: Type.Optional(Type.Enum(['pop', 'once', 'challenge'], { default: 'pop' })),
  alg: Type.Optional(Type.Enum(['ES256', 'RS256'], { default: 'ES256' })),
  enforces: Type.Optional(
    Type.Array(Type.Enum(['cnf', 'rar', 'feed']), {
      maxItems: 3,
      uniqueItems: true,
      default: [],
      description: 'What its verifier really checks. A grant that needs another control is refused.',
    }),
  ),
  proof: Type.Optional(Type.Enum(['pop', 'any'], { default: 'pop', description: '`pop`: key-bound tokens only.' })),
  token_units: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0, description: 'Spend units that each of its tokens costs.' }),
  ),
  status_list: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Its tokens say in which Token Status List they stand, for verifiers that cannot read the feed.',
    }),
  ),
  authorization_server: Type.Optional(
    Type.Object(
      { issuer: Uri('Its issuer (RFC 8414): the `audience` by which an ID-JAG is asked for.') },
      { ...closed, description: 'Who issues its access tokens, where that is not Mayfly: agents get an ID-JAG for it.' },
    ),
  ),
}

const Body = Type.Object(body, {
  ...closed,
  examples: [
    {
      uri: 'https://api.example.com/orders',
      name: 'Orders API',
      scopes: [{ name: 'orders:read', description: 'Read orders' }],
      details_types: ['agent_http'],
      enforces: ['cnf', 'rar'],
    },
  ],
})
const View = Type.Object({ id: Id('resource'), created_at: Time, updated_at: Time, ...body }, closed)

export function resourceRegistryRoutes(app: V1App, deps: V1Deps): void {
  registerCollection(app, deps, {
    path: '/v1/resources',
    idKind: 'resource',
    noun: 'resource',
    Body,
    View,
    toView,
    list: listResources,
    find: findResource,
    create: registerResource,
    replace: replaceResource,
    remove: removeResource,
  })
}

function toView(row: ResourceRow): Static<typeof View> {
  return { ...stamps('resource', row), uri: row.uri, name: row.name, ...(row.config as ResourceConfig as object) }
}
