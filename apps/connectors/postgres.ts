// Connector `postgres`: a role and a schema of its own in a database, dropped at the end with all that is in them.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import pg from 'pg'
import type { ResolveOutbound } from '#apps/outbound/outbound.ts'
import {
  type Access,
  type Connector,
  ConnectorFailure,
  checkTime,
  type Destroyed,
  type Target,
} from '#core/connector/connector.ts'
import type { PostgresConfig } from '#core/connector/kinds/postgres.ts'
import { outsideName, roleName } from '#core/connector/names.ts'
import { issueRoleCertificate } from '#core/connector/role-ca.ts'
import {
  createOutsideRole,
  dropOutsideRole,
  extendOutsideRole,
  isOwnDatabase,
  lockOutsideRole,
  type OutsideRole,
  renewOutsideRole,
  trustNothingOutside,
} from '#db/outside/outside-role.ts'
import { scramVerifier } from '#db/outside/scram.ts'
import { boundAnswers } from './bound-answers.ts'
import { type Doors, knownFailure, reach } from './reach.ts'

const connectTimeoutMs = 3_000
const statementTimeoutMs = 5_000
/** In a whole step: what is asked for are names and counts. */
const mostAnswerBytes = 8 * 1024 * 1024

/** nowSeconds: since the epoch, on the database's clock. */
export function postgresConnector(resolve: ResolveOutbound, nowSeconds: () => number): Connector {
  const doors = { resolve, nowSeconds }
  const grant = async (target: Target, work: (client: pg.Client, role: OutsideRole) => Promise<void>): Promise<Access> => {
    const { connection_limit: connectionLimit, member_of: memberOf, ...config } = target.config as unknown as PostgresConfig
    const name = outsideName(target.attachmentId)
    const { rotation, deadlineSeconds } = target
    const { verifier, proof } = await credentialOf(target, config, nowSeconds())
    await withClient(doors, target, client =>
      work(client, { name, rotation, deadlineSeconds, verifier, connectionLimit, memberOf }),
    )
    const { host, port, database } = config
    return { host, port, database, user: roleName(target.attachmentId, rotation), ...proof, schema: name }
  }
  return {
    provision: target => grant(target, createOutsideRole),
    rotate: target =>
      grant(target, async (client, role) => {
        if (!(await renewOutsideRole(client, role))) throw new ConnectorFailure('failed', 'the role is not there any more')
      }),
    lock: target =>
      withClient(doors, target, async client => {
        await lockOutsideRole(client, outsideName(target.attachmentId))
      }),
    extend: target =>
      withClient(doors, target, client => extendOutsideRole(client, outsideName(target.attachmentId), target.deadlineSeconds)),
    destroy: target => withClient(doors, target, client => destroy(client, target)),
  }
}

/** What its holder proves itself with, and what the database is told of it: never the secret. */
async function credentialOf(
  target: Target,
  config: Pick<PostgresConfig, 'auth' | 'client_ca_pem'>,
  nowSeconds: number,
): Promise<{ readonly verifier: string | null; readonly proof: Access }> {
  if (config.auth !== 'certificate') {
    const password = randomBytes(32).toString('base64url')
    return { verifier: scramVerifier(password), proof: { password } }
  }
  const ca = { certificatePem: config.client_ca_pem ?? '', keyPem: target.admin['client_ca_key'] ?? '' }
  const role = roleName(target.attachmentId, target.rotation)
  const times = { nowMs: nowSeconds * 1000, deadlineMs: target.deadlineSeconds * 1000 }
  const { certificatePem, keyPem } = await issueRoleCertificate(ca, { role, ...times })
  return { verifier: null, proof: { certificate: certificatePem, private_key: keyPem } }
}

async function destroy(client: pg.Client, target: Target): Promise<readonly Destroyed[]> {
  const dropped = await dropOutsideRole(client, outsideName(target.attachmentId))
  const all = [
    { what: 'session', count: dropped.sessions },
    { what: 'table', count: dropped.relations, bytes: dropped.bytes },
    { what: 'schema', count: dropped.schemas },
    { what: 'role', count: dropped.roles },
  ]
  return all.filter(({ count }) => count > 0)
}

/** A connection of its own for one step. Once the step is aborted the connection is gone, and with it what was under way. */
async function withClient<T>(
  { resolve, nowSeconds }: Doors,
  target: Target,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  try {
    const client = new pg.Client(await connectionOf(resolve, target))
    // An error between two statements would end the process; the next statement fails by it anyway.
    client.on('error', () => {})
    const cut = (): void => void client.end().catch(() => {})
    const { connection } = client as unknown as { readonly connection: { readonly stream: Socket } }
    const bound = boundAnswers(
      mostAnswerBytes,
      () => connection.stream,
      () => connection.stream.destroy(),
    )
    target.signal.addEventListener('abort', cut, { once: true })
    try {
      checkTime(target, nowSeconds() * 1000)
      await client.connect()
      await trustNothingOutside(client)
      if (await isOwnDatabase(client)) throw new ConnectorFailure('address_refused', 'it is a database of Mayfly itself')
      checkTime(target, nowSeconds() * 1000)
      return await work(client)
    } catch (error) {
      bound.check()
      throw error
    } finally {
      bound.end()
      target.signal.removeEventListener('abort', cut)
      await client.end().catch(() => {})
    }
  } catch (error) {
    throw failureOf(error)
  }
}

async function connectionOf(resolve: ResolveOutbound, { config: given, admin }: Target): Promise<pg.ClientConfig> {
  const config = given as unknown as PostgresConfig
  const { port, database, user } = config
  const { address, tls } = await reach(resolve, config)
  return {
    host: address,
    port,
    database,
    user,
    password: admin['password'] ?? '',
    ssl: tls !== undefined && { rejectUnauthorized: true, ...tls },
    application_name: 'mayfly-connector',
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 1_000,
    lock_timeout: statementTimeoutMs - 2_000,
    // Whoever stands still in the middle of a step has done nothing.
    idle_in_transaction_session_timeout: statementTimeoutMs,
  }
}

/** SQLSTATE classes of which the operator of the database must hear. */
const notAuthorised = /^(28|42501)/

function failureOf(error: unknown): ConnectorFailure {
  const known = knownFailure(error)
  if (known) return known
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? ''
    if (notAuthorised.test(code)) return new ConnectorFailure('not_authorised', `SQLSTATE ${code}`, error)
    return new ConnectorFailure(code === '57014' || code === '55P03' ? 'timeout' : 'failed', `SQLSTATE ${code}`, error)
  }
  return new ConnectorFailure('unreachable', 'no connection', error)
}
