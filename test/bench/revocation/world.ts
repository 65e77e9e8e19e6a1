// What is measured: a broker and a PostgreSQL of their own, accounts with a token each, and the calls that revoke them.

import postgres, { type Sql } from 'postgres'
import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import type { Answer } from '#test/setup/registration.ts'
import { type Exchanges, exchangesOf, registerWorkload, tokenOf } from '#test/setup/sub-agents.ts'
import { type BenchBroker, startBenchBroker } from '../broker/bench-broker.ts'
import { workloadExchange } from '../broker/workload-exchange.ts'
import { nowMs, WallClock } from './clock.ts'
import { Gate } from './gate.ts'
import type { FleetOptions, HeldToken } from './protocol.ts'

export interface Opened extends HeldToken {
  /** `acct_…` */
  readonly id: string
}

/** A revoking call, as its caller saw it. */
export interface Call {
  readonly id: string
  readonly askedMs: number
  readonly answeredMs: number
}

/** What became of a call in the database. */
export interface Committed {
  /** The last epoch of its entries. */
  readonly epoch: number
  readonly committedMs: number
}

export interface RevocationWorld {
  readonly broker: BenchBroker
  readonly wall: WallClock
  fleetOptions(maxStaleSeconds: number): FleetOptions
  open(count: number): Promise<Opened[]>
  /** A root account and its descendants, each with a token of its own. */
  openFamily(children: number): Promise<{ readonly root: Opened; readonly children: Opened[] }>
  /** Ends an account, as an operator does. */
  revoke(id: string): Promise<Call>
  /** When somebody who listens beside the broker heard that the feed had come to an epoch, or beyond it. */
  announcedMs(epoch: number): number
  /** Of each call. Throws for one that is not in the feed. */
  readCommits(ids: readonly string[]): Promise<Map<string, Committed>>
  /** Every epoch of the tenant's feed. */
  readEpochs(): Promise<number[]>
  stop(): Promise<void>
}

const tokenTtl = '900'
const callers = 24
/** What operators' tools keep open, however much there is to revoke. */
const callsAtOnce = 48

export async function startRevocationWorld(): Promise<RevocationWorld> {
  const broker = await startBenchBroker({ track_commit_timestamp: 'on' })
  const admin = postgres(broker.adminUrl, { max: 2, onnotice: () => {} })
  const wall = new WallClock()
  const gate = new Gate(callsAtOnce)
  const announced: { readonly epoch: number; readonly atMs: number }[] = []
  await admin.listen('mayfly_feed', payload => announced.push({ epoch: Number(payload.split(' ')[1]), atMs: nowMs() }))
  const { tenant, trafficOptions } = broker
  const { http } = broker.registrar
  const token = http.token
  const exchanges = exchangesOf({ token, issuer: tenant.issuer })
  return {
    broker,
    wall,
    fleetOptions: maxStaleSeconds => ({
      issuer: tenant.issuer,
      resource: trafficOptions.resource,
      credential: tenant.resourceSecret,
      caPem: tenant.ca.certificatePem,
      maxStaleSeconds,
      sampleEveryMs: 100,
    }),
    open: opener(broker),
    openFamily: children => openFamily(broker, exchanges, children),
    revoke: id => gate.through(() => revoke(broker, id)),
    announcedMs: epoch => announced.find(each => each.epoch >= epoch)?.atMs ?? Number.NaN,
    readCommits: ids => readCommits(admin, wall, ids),
    async readEpochs() {
      const rows = await admin<{ epoch: number }[]>`select epoch::float8 as epoch from mayfly.revocation order by epoch`
      return rows.map(({ epoch }) => epoch)
    },
    async stop() {
      await admin.end({ timeout: 2 })
      await broker.stop()
    },
  }
}

async function revoke({ registrar, tenant }: BenchBroker, id: string): Promise<Call> {
  const askedMs = nowMs()
  // A busy broker may say 503 of a change that was made: asked again, it says so.
  const answer = await again(() => registrar.http.v1('POST', `/v1/accounts/${id}/revoke`, tenant.adminToken))
  const answeredMs = nowMs()
  if (answer.status !== 200) throw new Error(`not revoked: ${answer.status} ${answer.text}`)
  return { id, askedMs, answeredMs }
}

/** Opens accounts by exchanges of workload tokens, as agents do. */
function opener(broker: BenchBroker): (count: number) => Promise<Opened[]> {
  const { trafficOptions, tenant, registrar } = broker
  const { resource, scope, runName } = trafficOptions
  const exchangeOf = workloadExchange(broker)
  let serial = 0
  const openOne = async (): Promise<Opened> => {
    const form = { ...exchangeOf(`${runName}-${serial++}`), resource, scope, ttl: tokenTtl }
    return toOpened(await again(() => registrar.http.token(form, tenant.certificate)), tenant.certificate)
  }
  return count => inParallel(count, openOne)
}

async function openFamily(broker: BenchBroker, ask: Exchanges, children: number) {
  const { tenant, registrar } = broker
  const v1 = (method: string, path: string, body?: unknown, by = tenant.adminToken): Promise<Answer> =>
    registrar.http.v1(method, path, by, body)
  const registry = { v1, ca: tenant.ca, ids: { x509: tenant.x509TrustSource } }
  const [root, child] = [await registerWorkload(registry, 'parent'), await registerWorkload(registry, 'child')]
  const opened = toOpened(await ask.own(root, { task_id: 'family', ttl: tokenTtl }), root.certificate)
  let serial = 0
  const openChild = async (): Promise<Opened> => {
    const delegation = tokenOf(await ask.delegate(root, child, { task_id: 'family', scope: 'orders:read' }))
    return toOpened(await ask.openChild(child, delegation, { task_id: `child-${serial++}`, ttl: tokenTtl }), child.certificate)
  }
  return { root: opened, children: await inParallel(children, openChild) }
}

const toOpened = (answer: Answer, { certificatePem }: IssuedCertificate): Opened => {
  if (answer.status !== 200) throw new Error(`no account: ${answer.status} ${answer.text}`)
  return { id: answer.body.account_id, token: answer.body.access_token, certificatePem }
}

/** As a client does that is told to come back. */
async function again(ask: () => Promise<Answer>): Promise<Answer> {
  for (let left = 20; ; left--) {
    const answer = await ask()
    if (answer.status !== 503 || left === 0) return answer
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

async function inParallel<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = []
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun++ < count) done.push(await work())
  }
  await Promise.all(Array.from({ length: callers }, worker))
  return done
}

/** PostgreSQL notes a commit when it begins to write it to disk, so what is measured from there has the disk in it. */
async function readCommits(admin: Sql, wall: WallClock, ids: readonly string[]): Promise<Map<string, Committed>> {
  const rows = await admin<{ id: string; epoch: number; wallMs: number }[]>`
    select 'acct_' || split_part(r.subject, '_', 2) as id, max(r.epoch)::float8 as epoch,
           (extract(epoch from max(pg_xact_commit_timestamp(r.xmin))) * 1000)::float8 as "wallMs"
      from mayfly.revocation r group by 1`
  const commits = new Map(rows.map(({ id, epoch, wallMs }) => [id, { epoch, committedMs: wall.toMonotonic(wallMs) }]))
  const missing = ids.filter(id => !commits.has(id))
  if (missing.length > 0) throw new Error(`${missing.length} revocations are not in the feed, ${missing[0]} among them`)
  return commits
}
