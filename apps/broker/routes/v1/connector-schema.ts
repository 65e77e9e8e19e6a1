import { type Static, Type } from 'typebox'
import type { ConnectorInput } from '#core/connector/registration.ts'
import { configOf } from '#core/connector/registration.ts'
import type { ConnectorRow } from '#db/connector/connectors.ts'
import { stamps } from './collection.ts'
import { closed, Id, Name, Time, Uri } from './schemas.ts'

const Host = Type.String({ minLength: 1, maxLength: 253, description: 'Host name in small letters, or an IP address.' })
const Port = (standard: number) => Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, default: standard }))
const Tls = Type.Optional(
  Type.Enum(['verify', 'off'], {
    default: 'verify',
    description: '`off` only for addresses inside; else TLS, with the name checked.',
  }),
)
export const CaPem = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 16_384,
    pattern: '^[\\x20-\\x7e\\r\\n]+$',
    description: 'PEM of the CA that its certificate comes from; left out: the public ones.',
  }),
)
const User = Type.String({ minLength: 1, maxLength: 63, pattern: '^[\\x21-\\x7e]+$' })
const Password = Type.Object({ password: Type.String({ minLength: 1, maxLength: 1024 }) }, closed)

const head = {
  name: Name,
  scope: Type.String({
    pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,128}$',
    description: 'Accounts whose ceiling has this scope may attach it: give it to agents in their registration.',
  }),
  data: Type.Optional(
    Type.Object(
      {
        keep_seconds: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 90 * 86_400,
            default: 0,
            description: 'How long the data stays after the account has ended, with access for nobody; 0: destroyed at once.',
          }),
        ),
      },
      closed,
    ),
  ),
}

const Postgres = Type.Object(
  {
    host: Host,
    port: Port(5432),
    database: Type.String({ minLength: 1, maxLength: 63 }),
    user: User,
    tls: Tls,
    ca_pem: CaPem,
    auth: Type.Optional(
      Type.Enum(['password', 'certificate'], { default: 'password', description: 'How accounts sign in. Cannot change.' }),
    ),
    client_ca_pem: Type.Optional(
      Type.String({
        maxLength: 16_384,
        description:
          'With certificates: the CA that they come from, made with the connector. The server must trust it (ssl_ca_file).',
      }),
    ),
    connection_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
    member_of: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
        maxItems: 16,
        uniqueItems: true,
        description: 'Roles whose rights each account gets beside its own schema.',
      }),
    ),
  },
  closed,
)
const Redis = Type.Object({ host: Host, port: Port(6379), user: Type.Optional(User), tls: Tls, ca_pem: CaPem }, closed)
const Webhook = Type.Object(
  {
    url: Uri('Where each step is sent to; https.'),
    signature: Type.Optional(Type.Enum(['hmac', 'ed25519'], { default: 'hmac' })),
    ca_pem: CaPem,
  },
  closed,
)

const kinds = { postgres: Postgres, redis: Redis, webhook: Webhook } as const
const bodyOf = <Kind extends keyof typeof kinds>(kind: Kind) =>
  Type.Object({ ...head, kind: Type.Literal(kind), config: kinds[kind], admin: Type.Optional(Password) }, closed)
const viewOf = <Kind extends keyof typeof kinds>(kind: Kind, more = {}) =>
  Type.Object(
    {
      id: Id('connector'),
      created_at: Time,
      updated_at: Time,
      ...head,
      kind: Type.Literal(kind),
      config: Type.Object({ ...kinds[kind].properties }, closed),
      ...more,
    },
    closed,
  )

export const ConnectorBody = Type.Union([bodyOf('postgres'), bodyOf('redis'), bodyOf('webhook')], {
  examples: [
    {
      name: 'orders-db',
      kind: 'postgres',
      scope: 'orders-db:use',
      config: { host: 'db.internal', database: 'orders', user: 'mayfly_connector', member_of: ['orders_readers'] },
      admin: { password: '…' },
    },
  ],
})
export const ConnectorView = Type.Union([viewOf('postgres'), viewOf('redis'), viewOf('webhook')])
const signing = {
  signing_secret: Type.Optional(
    Type.String({
      description: 'Of a webhook: what its calls are signed with, or with Ed25519 the public key. Shown this once.',
    }),
  ),
}
export const CreatedConnectorView = Type.Union([viewOf('postgres'), viewOf('redis'), viewOf('webhook', signing)])

export const toConnectorInput = (body: unknown): ConnectorInput => body as Static<typeof ConnectorBody> as ConnectorInput

export function toConnectorView(row: ConnectorRow): object {
  const { scope, data, settings } = configOf(row)
  const { name, kind } = row
  return { ...stamps('connector', row), name, kind, scope, data, config: settings }
}
