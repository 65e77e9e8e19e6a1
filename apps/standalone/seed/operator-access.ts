// The tenant and its operator's token. On the first start they are made as in any deployment: a bootstrap token in a 0600
// file, redeemed over HTTP. Later the kept token is used; when it has ended, or was lost by a kill between the commit and
// our writing, another one is made, since whoever holds this state folder holds the database.

import { rmSync } from 'node:fs'
import { formatId } from '#core/ids/id.ts'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { createOperator, DEFAULT_OPERATOR_TTL_SECONDS } from '#core/operators/operator-tokens.ts'
import { findFirstTenantId } from '#db/registry/tenants.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { StartupError } from '../startup-error.ts'
import type { StateFolder } from '../state-folder.ts'
import { OperatorClient } from './operator-client.ts'

export interface OperatorAccess {
  /** Tenant-admin of the first tenant. */
  readonly client: OperatorClient
  readonly token: string
  readonly tenant: { readonly id: string; readonly slug: string }
}

export interface AccessInput {
  readonly state: StateFolder
  readonly db: UnscopedDb
  readonly baseUrl: string
  readonly caPem: string
  readonly nowMs: number
}

const tokenFile = 'operator-token'
const bootstrapFile = 'bootstrap-token'

/** Throws StartupError when the broker refuses. */
export async function openOperatorAccess(input: AccessInput): Promise<OperatorAccess> {
  const kept = input.state.findSecret(tokenFile)?.trim()
  const known = kept ? await tryToken(input, kept) : undefined
  if (known) return known
  const token = (await bootstrap(input)) ?? (await replaceToken(input))
  input.state.writeSecret(tokenFile, `${token}\n`)
  const opened = await tryToken(input, token)
  if (opened) return opened
  throw new StartupError({
    what: 'The broker does not take the operator token that it has just made.',
    why: 'Its database is perhaps not the one of this state folder.',
    remedy: 'Set MAYFLY_STATE_DIR to a new folder, or report this.',
  })
}

async function tryToken(input: AccessInput, token: string): Promise<OperatorAccess | undefined> {
  const client = new OperatorClient({ ...input, token })
  const { status, body } = await client.send('GET', '/v1/tenants')
  if (status === 200) {
    const [tenant] = (body as { items: { id: string; slug: string }[] }).items
    if (tenant) return { client, token, tenant: { id: tenant.id, slug: tenant.slug } }
  }
  await client.close()
  return undefined
}

/** The token of a new tenant-admin; undefined when this deployment has operators already. */
async function bootstrap({ state, db, baseUrl, caPem, nowMs }: AccessInput): Promise<string | undefined> {
  const secret = await createBootstrapToken(db, nowMs)
  if (secret === undefined) return undefined
  state.writeSecret(bootstrapFile, `${secret}\n`)
  const client = new OperatorClient({ baseUrl, caPem, token: secret })
  try {
    const { operators } = await client.call<{ operators: { role: string; token: string }[] }>('POST', '/v1/bootstrap', {
      tenant: { slug: 'demo', name: 'Demo' },
    })
    const tokens = new Map(operators.map(operator => [operator.role, operator.token]))
    state.writeSecret('platform-admin-token', `${tokens.get('platform-admin')}\n`)
    return tokens.get('tenant-admin')
  } finally {
    rmSync(state.path(bootstrapFile), { force: true })
    await client.close()
  }
}

async function replaceToken({ db, nowMs }: AccessInput): Promise<string> {
  const tenantId = await findFirstTenantId(db)
  if (tenantId === undefined)
    throw new StartupError({
      what: 'This database has operators but no tenant.',
      why: 'Somebody else began to set it up.',
      remedy: 'Name another database in DATABASE_URL.',
    })
  const input = {
    name: `standalone ${formatId('tenant', tenantId).slice(-6)}`,
    role: 'tenant-admin',
    tenantId,
    ttlSeconds: DEFAULT_OPERATOR_TTL_SECONDS,
  } as const
  const { secret } = await db
    .forTenant(tenantId)
    .transaction()
    .execute(trx => createOperator(trx, undefined, input, nowMs))
  return secret
}
