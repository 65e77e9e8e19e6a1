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
  const { app, queue } = databaseUrls(vault, database)
  const redis = vault.password('redis')
  const both = { 'database-url': app, ...keyEncryptionKeys(vault), 'redis-url': `redis://:${redis}@redis:6379` }
  return [
    { folder: 'postgres', owner: STORE, files: { password: vault.password('postgres') } },
    { folder: 'redis', owner: STORE, files: { 'redis.conf': redisConf(redis), password: redis } },
    { folder: 'migrate', owner: MAYFLY, files: databasePasswords(vault) },
    { folder: 'broker', owner: MAYFLY, files: { ...both, ...tlsFiles(broker), 'ca.pem': ca.certificatePem } },
    { folder: 'worker', owner: MAYFLY, files: { ...both, 'log-key.pem': vault.logKey(), 'queue-database-url': queue } },
    { folder: 'idp', owner: MAYFLY, files: tlsFiles(idp) },
  ]
}

const databaseUrl = (user: string, password: string, database: string): string =>
  `postgres://${user}:${password}@postgres:5432/${database}`

const databaseUrls = (vault: Vault, database: string) => ({
  app: databaseUrl('mayfly_app', vault.password('app'), database),
  queue: databaseUrl('mayfly_queue', vault.password('queue'), database),
})

/** Whoever migrates makes the roles of the others. */
const databasePasswords = (vault: Vault) => ({
  'admin-database-url': databaseUrl('postgres', vault.password('postgres'), 'postgres'),
  'app-password': vault.password('app'),
  'queue-password': vault.password('queue'),
  'migrate-password': vault.password('migrate'),
})

/** The one before is empty while the key is not being changed (docs/how-to/rotate-keys.md). */
const keyEncryptionKeys = (vault: Vault) => ({ kek: vault.password('kek'), 'kek-previous': vault.find('kek-previous') ?? '' })

const tlsFiles = ({ certificatePem, keyPem }: { readonly certificatePem: string; readonly keyPem: string }) => ({
  'tls-cert.pem': certificatePem,
  'tls-key.pem': keyPem,
})

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
