// What each service of docker-compose.yml is given, as data. A service sees its own folder only: whoever breaks into the
// provider or Redis finds neither the key-encryption key, which broker and worker have, nor a password of the database.

import type { Vault } from './vault.ts'

/** User ids: Mayfly's own image, and the one that the official PostgreSQL and Redis images (Debian) use. */
const MAYFLY = 10_001
const STORE = 999

export interface Handout {
  /** Name of the folder, which is the volume of that service. */
  readonly folder: string
  readonly owner: number
  /** File name → text; each is written with mode 0600. */
  readonly files: Readonly<Record<string, string>>
}

export interface HandoutOptions {
  readonly database: string
  /** Names under which others reach the broker. */
  readonly brokerHosts: readonly string[]
}

export async function makeHandouts(vault: Vault, { database, brokerHosts }: HandoutOptions): Promise<Handout[]> {
  const ca = await vault.authority()
  const broker = await vault.server(ca, 'broker', brokerHosts)
  const idp = await vault.server(ca, 'idp', ['idp'])
  const [admin, app, queue, migrate, redis] = ['postgres', 'app', 'queue', 'migrate', 'redis'].map(name =>
    vault.password(name),
  ) as [string, string, string, string, string]
  const url = (user: string, password: string, name: string) => `postgres://${user}:${password}@postgres:5432/${name}`
  const appUrl = url('mayfly_app', app, database)
  const redisUrl = `redis://:${redis}@redis:6379`
  // Empty while the key-encryption key is not being changed (docs/how-to/rotate-keys.md).
  const keks = { kek: vault.password('kek'), 'kek-previous': vault.find('kek-previous') ?? '' }
  return [
    { folder: 'postgres', owner: STORE, files: { password: admin } },
    { folder: 'redis', owner: STORE, files: { 'redis.conf': redisConf(redis), password: redis } },
    {
      folder: 'migrate',
      owner: MAYFLY,
      files: {
        'admin-database-url': url('postgres', admin, 'postgres'),
        'app-password': app,
        'queue-password': queue,
        'migrate-password': migrate,
      },
    },
    {
      folder: 'broker',
      owner: MAYFLY,
      files: {
        'database-url': appUrl,
        ...keks,
        'redis-url': redisUrl,
        'tls-cert.pem': broker.certificatePem,
        'tls-key.pem': broker.keyPem,
        'ca.pem': ca.certificatePem,
      },
    },
    {
      folder: 'worker',
      owner: MAYFLY,
      files: {
        'database-url': appUrl,
        ...keks,
        'redis-url': redisUrl,
        'log-key.pem': vault.logKey(),
        'queue-database-url': url('mayfly_queue', queue, database),
      },
    },
    { folder: 'idp', owner: MAYFLY, files: { 'tls-cert.pem': idp.certificatePem, 'tls-key.pem': idp.keyPem } },
  ]
}

/** Folders that services write to themselves, and to whom they belong. */
export const ownFolders = [
  { folder: 'postgres-data', owner: STORE },
  { folder: 'redis-data', owner: STORE },
  { folder: 'idp-state', owner: MAYFLY },
  { folder: 'operator', owner: MAYFLY },
  { folder: 'log-tiles', owner: MAYFLY },
  { folder: 'log-state', owner: MAYFLY },
  { folder: 'log-erasures', owner: MAYFLY },
] as const

/** A job is only a hint, yet one that is evicted in silence delays work by minutes: so noeviction, and a file that is appended. */
const redisConf = (password: string): string => `requirepass ${password}
bind * -::*
dir /data
save ""
appendonly yes
appendfsync everysec
maxmemory 256mb
maxmemory-policy noeviction
`
