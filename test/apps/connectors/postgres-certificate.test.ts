// Roles that sign in by certificate, at a server that is set up as docs/connectors.md says.

import { appendFileSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresConnector } from '#apps/connectors/postgres.ts'
import { createOutbound } from '#apps/outbound/outbound.ts'
import type { Cluster } from '#apps/standalone/cluster/cluster.ts'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import type { Access, Target } from '#core/connector/connector.ts'
import { createRoleCa, issueRoleCertificate, type PemPair } from '#core/connector/role-ca.ts'
import { everythingInside } from '#core/outbound/address-rules.ts'
import { startRunCluster } from '#test/setup/run-cluster.ts'
import { targetOf } from './target.ts'

const connector = postgresConnector(createOutbound({ allowed: everythingInside, ownStores: [] }), () => Date.now() / 1000)
let cluster: Cluster
let admin: Sql
let roleCa: PemPair
let serverCa: string

beforeAll(async () => {
  cluster = await startRunCluster()
  const now = new Date()
  const ca = await createDevCa({ now })
  const server = await issueServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], now })
  serverCa = ca.certificatePem
  roleCa = await createRoleCa(now.getTime())
  writeOwned('server.crt', server.chainPem)
  writeOwned('server.key', server.keyPem)
  writeOwned('roles.crt', roleCa.certificatePem)
  const hba = join(cluster.dataDir, 'pg_hba.conf')
  const before = readFileSync(hba, 'utf8')
  writeFileSync(hba, 'hostssl all /^mf_ 127.0.0.1/32 cert\nhost all /^mf_ 127.0.0.1/32 reject\n')
  appendFileSync(hba, before)
  admin = postgres(cluster.adminUrl, { max: 1, onnotice: () => {} })
  for (const [name, value] of Object.entries({
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ssl_ca_file: 'roles.crt',
    ssl: 'on',
  }))
    await admin.unsafe(`alter system set ${name} = '${value}'`)
  await admin.unsafe(
    `create role connector login createrole password 'connector-password'; grant create on database postgres to connector`,
  )
  await admin.unsafe('select pg_reload_conf()')
})
afterAll(async () => {
  await admin?.end()
  await cluster?.stop()
})

/** As PostgreSQL demands of a key: its user's own, readable by nobody else. */
function writeOwned(name: string, text: string): void {
  const { uid, gid } = statSync(cluster.dataDir)
  writeFileSync(join(cluster.dataDir, name), text, { mode: 0o600 })
  chownSync(join(cluster.dataDir, name), uid, gid)
}

const target = (changes: Partial<Target> = {}): Target =>
  targetOf({
    config: {
      ...{ host: 'localhost', port: cluster.port, database: 'postgres', user: 'connector', tls: 'verify', ca_pem: serverCa },
      ...{ auth: 'certificate', client_ca_pem: roleCa.certificatePem, connection_limit: 2, member_of: [] },
    },
    admin: { password: 'connector-password', client_ca_key: roleCa.keyPem },
    ...changes,
  })

async function signIn(access: Access, changes: Record<string, string> = {}): Promise<pg.Client> {
  const { certificate: cert, private_key: key, user, database } = { ...access, ...changes } as Record<string, string>
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port: cluster.port, user, database },
    ssl: { ca: serverCa, servername: 'localhost', cert, key },
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

describe('an attachment with a certificate', () => {
  test('lets its holder in by it, and nobody by a certificate of another role or another CA', async () => {
    const [one, other] = [target(), target()]
    const [access, others] = [await connector.provision(one), await connector.provision(other)]
    expect(access['password']).toBeUndefined()
    const client = await signIn(access)
    await client.query('create table note (t text)')
    await client.end()
    await expect(signIn(access, { user: String(others['user']) })).rejects.toThrow()
    const role = String(access['user'])
    const forged = await issueRoleCertificate(await createRoleCa(Date.now()), {
      ...{ role, nowMs: Date.now(), deadlineMs: Number.POSITIVE_INFINITY },
    })
    await expect(signIn(access, { certificate: forged.certificatePem, private_key: forged.keyPem })).rejects.toThrow()
    await connector.destroy(one)
    await connector.destroy(other)
    await expect(signIn(access)).rejects.toThrow()
  })

  test('that is rotated or locked lets nobody in by the earlier one', async () => {
    const one = target()
    const first = await connector.provision(one)
    const session = await signIn(first)
    const second = await connector.rotate({ ...one, rotation: 2 })
    await expect(session.query('select 1')).rejects.toThrow()
    await expect(signIn(first)).rejects.toThrow()
    await (await signIn(second)).end()
    await connector.lock({ ...one, rotation: 2 })
    await expect(signIn(second)).rejects.toThrow()
    await connector.destroy(one)
  })

  test('ends with the account, whether anybody takes it down or not', async () => {
    const one = target({ deadlineSeconds: Math.floor(Date.now() / 1000) - 1 })
    await expect(signIn(await connector.provision(one))).rejects.toThrow()
    await connector.destroy(one)
  })
})

test('a server that proves another name is sent no password', async () => {
  const step = target({ config: { ...target().config, host: '127.0.0.1', ca_pem: roleCa.certificatePem } })
  await expect(connector.provision(step)).rejects.toMatchObject({ reason: 'unreachable' })
})
