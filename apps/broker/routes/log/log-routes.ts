// GET /log/…: the sealed log as static files, c2sp.org/tlog-tiles. `/log/<what>` is the log that is sealed now; `/log/<shard>/<what>` is one
// shard of it, also one that a restored backup has left behind, and its address without the scheme is the origin in its checkpoints.
//
// Checkpoints and hashes hold nothing of anybody: a leaf has a salt and random ids, so nobody can guess what a hash is of. What they tell is
// how many entries all tenants together make, and when. So by default they are for operators of any tenant; an operator who wants others to
// watch the log opens them to everybody (MAYFLY_LOG_PUBLIC). Entries are for who belongs to no tenant, always, and their reading is recorded.
// Docs: docs/decisions/0033-serving-the-log.md

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Readings } from '#core/audit/query/readings.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { NothingThere } from '#core/errors/nothing-there.ts'
import { actorFacts } from '#core/operators/principal.ts'
import type { Clock } from '#core/time/clock.ts'
import { checkpointPath } from '#core/tlog/checkpoint.ts'
import { findTileName } from '#core/tlog/tile-path.ts'
import { listLogKeys } from '#db/log/signers.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { type Access, type AccessTable, guardByTable, principalOf } from '../../http/access.ts'
import { answerRefusals } from '../../http/answer-refusals.ts'
import type { SealedLogs } from '../../sealed-logs.ts'
import { showLogKeys } from './log-keys.ts'

export interface LogRouteDeps {
  readonly db: UnscopedDb
  readonly clock: Clock
  readonly logs: SealedLogs
  /** Whether anybody may read checkpoints, keys and hashes. */
  readonly isPublic: boolean
}

interface LogRequest {
  readonly Params: { readonly shard?: string; readonly '*': string }
}

const compress = promisify(gzip)
const immutable = 'max-age=31536000, immutable'
/** Shorter than this compressing gains nothing. */
const compressFrom = 1_024

export const logRoutes: FastifyPluginAsync<LogRouteDeps> = async (app, deps) => {
  const { db, logs, isPublic } = deps
  const hashReaders: Access = isPublic ? 'anyone' : ['platform-admin', 'tenant-admin', 'auditor']
  const entryReaders: Access = ['platform-admin', 'auditor']
  const readings = new Readings()
  answerRefusals(app, deps)
  const table: AccessTable = {
    'GET /log/keys': hashReaders,
    ...Object.fromEntries(
      prefixes.flatMap(prefix => [
        [`GET ${prefix}/checkpoint`, hashReaders],
        [`GET ${prefix}/tile/*`, hashReaders],
        [`GET ${prefix}/tile/entries/*`, entryReaders],
      ]),
    ),
  }
  guardByTable(app, db, table)
  const cacheFor = (how: string): string => `${isPublic ? 'public' : 'private'}, ${how}`
  app.get('/log/keys', { schema: { hide: true } }, async (_request, reply) => {
    const [sealed, keys] = await Promise.all([logs.shard(), listLogKeys(db)])
    reply.header('cache-control', cacheFor('max-age=60'))
    return showLogKeys(sealed, keys)
  })
  for (const prefix of prefixes) {
    app.get<LogRequest>(`${prefix}/checkpoint`, { schema: { hide: true } }, async (request, reply) => {
      const note = await logs.read(await shardOf(logs, request), checkpointPath)
      if (!note) throw new NothingThere('Nothing of that log was sealed here.')
      return reply.type('text/plain; charset=utf-8').header('cache-control', cacheFor('max-age=1')).send(note)
    })
    app.get<LogRequest>(`${prefix}/tile/*`, { schema: { hide: true } }, async (request, reply) => {
      const bytes = await readTile(logs, request, 'hashes', `tile/${request.params['*']}`)
      return reply.type('application/octet-stream').header('cache-control', cacheFor(immutable)).send(bytes)
    })
    app.get<LogRequest>(`${prefix}/tile/entries/*`, { schema: { hide: true } }, async (request, reply) => {
      const principal = principalOf(request)
      if (principal.tenantId !== null)
        throw new BrokerError('forbidden', { hint: "Bundles hold every tenant's entries. Read your own at /v1/audit." })
      const bytes = await readTile(logs, request, 'entries', `tile/entries/${request.params['*']}`)
      const reading = {
        tenantId: null,
        actor: actorFacts(principal),
        operation: 'GET /log/tile/entries',
        filters: {},
        entries: findTileName(`tile/entries/${request.params['*']}`)!.width,
      }
      await readings.record(db.forTenant(null), reading, deps.clock.nowMs())
      return sendBundle(request, reply.header('cache-control', `private, ${immutable}`), bytes)
    })
  }
}

const prefixes = ['/log', '/log/:shard'] as const

/** The shard in the path, else the one that is sealed now. */
async function shardOf(logs: SealedLogs, { params }: FastifyRequest<LogRequest>): Promise<string> {
  if (params.shard === undefined) return (await logs.shard()).shard
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(params.shard)) throw new NothingThere('That is no shard.')
  return params.shard
}

/** kind: what the route is for. Its path alone does not say: `entries%2F000` comes to the route of hashes, and is decoded behind it. */
async function readTile(
  logs: SealedLogs,
  request: FastifyRequest<LogRequest>,
  kind: 'hashes' | 'entries',
  path: string,
): Promise<Buffer> {
  const name = findTileName(path)
  if (!name || (name.level === 'entries') !== (kind === 'entries')) throw new NothingThere('That is no path of a tile.')
  const bytes = await logs.read(await shardOf(logs, request), path)
  if (!bytes) throw new NothingThere('The log has no such tile. A partial one goes when the full one is there.')
  return bytes
}

/** Compressed where the caller takes it: entries are three times as long as what they say. */
async function sendBundle(request: FastifyRequest, reply: FastifyReply, bytes: Buffer): Promise<FastifyReply> {
  reply.type('application/octet-stream').header('vary', 'accept-encoding')
  const takesGzip = /(?:^|[,\s])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(request.headers['accept-encoding'] ?? '')
  if (!takesGzip || bytes.length < compressFrom) return reply.send(bytes)
  return reply.header('content-encoding', 'gzip').send(await compress(bytes))
}
