// Proofs of the log: that an entry is in it, and that it only ever grew. A tenant gets proofs of its own entries, and learns of others not
// even that they are there. Whatever it gets can be verified without asking anybody (core/tlog/tlog-proof.ts).

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { proveConsistency, proveEntry } from '#core/audit/proof/sealed-tree.ts'
import { Readings } from '#core/audit/query/readings.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import { actorFacts } from '#core/operators/principal.ts'
import { formatTlogProof } from '#core/tlog/tlog-proof.ts'
import { formatAddCheckpoint } from '#core/witness/add-checkpoint.ts'
import { findLeaf } from '#db/log/find-leaf.ts'
import { readEntriesBetween } from '#db/log/read-range.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { principalOf } from '../../http/access.ts'
import { readOrRefuse } from '../../sealed-logs.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, operatorSecurity, problems } from './schemas.ts'

const Hash = Type.String({ description: 'SHA-256, base64.' })
const Size = (description: string) => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })
const format = Type.Optional(Type.Enum(['json', 'text'], { description: 'Also by Accept: text/plain.' }))

const EntryParams = Type.Object(
  {
    entry: Type.String({
      pattern: '^(?:0|[1-9][0-9]{0,15}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|at_[0-9a-f]{32})$',
      description: 'Its position, its id, or the `jti` of a token: then the entry of its issuance.',
    }),
  },
  closed,
)
const ProofQuery = Type.Object({ format }, closed)
const ProofView = Type.Object(
  {
    position: Size('Where it is in the log, from 0.'),
    entry: Type.String({ description: 'The exact text that was hashed: RFC 8785 canonical JSON.' }),
    leaf_hash: Type.String({ description: 'SHA-256(0x00 ‖ entry), base64url: the `evt` of a token whose issuance this is.' }),
    size: Size('How many entries the checkpoint is over.'),
    root: Hash,
    path: Type.Array(Hash, { description: 'From the sibling of the leaf up (RFC 6962 § 2.1.1).' }),
    checkpoint: Type.String({ description: 'The signed note (c2sp.org/tlog-checkpoint), with the signatures of witnesses.' }),
    proof: Type.String({
      description: 'All of it as c2sp.org/tlog-proof, with the entry as extra. Answered alone with format=text.',
    }),
  },
  closed,
)

const ConsistencyQuery = Type.Object(
  { from: Size('Of the older tree.'), to: Type.Optional(Size('Of the newer one; the newest checkpoint when left out.')), format },
  closed,
)
const ConsistencyView = Type.Object(
  {
    from: Size('Entries of the older tree.'),
    to: Size('Entries of the newer one.'),
    from_root: Hash,
    to_root: Hash,
    path: Type.Array(Hash, { description: 'RFC 6962 § 2.1.2.' }),
    checkpoint: Type.String({ description: 'The newest signed note, which has the newer tree as its own or as its beginning.' }),
  },
  closed,
)

export function logProofRoutes(app: V1App, deps: V1Deps): void {
  const readings = new Readings()
  app.get(
    '/v1/audit/:entry/proof',
    {
      schema: {
        tags: ['audit'],
        security: operatorSecurity,
        summary: 'Prove that an entry is in the log',
        params: EntryParams,
        querystring: ProofQuery,
        response: { 200: ProofView, ...problems },
      },
    },
    async (request, reply) => {
      const view = await prove(deps, request, readings)
      reply.header('cache-control', 'no-store')
      return wantsText(request, request.query.format) ? sendText(reply, view.proof) : view
    },
  )
  app.get(
    '/v1/audit/consistency',
    {
      schema: {
        tags: ['audit'],
        security: operatorSecurity,
        summary: 'Prove that the log of one size begins with that of another',
        querystring: ConsistencyQuery,
        response: { 200: ConsistencyView, ...problems },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const isText = wantsText(request, request.query.format)
      const { view, text } = await relate(deps, request.query, isText)
      return isText ? sendText(reply, text) : view
    },
  )
}

async function prove(
  { db, logs, clock }: V1Deps,
  request: FastifyRequest<{ Params: Static<typeof EntryParams> }>,
  readings: Readings,
): Promise<Static<typeof ProofView>> {
  const principal = principalOf(request)
  const position = await locate(db, principal.tenantId, request.params.entry)
  const tree = await logs.tree()
  if (position >= tree.checkpoint.size) throw notSealed()
  const { entry, leaf, proof } = await readOrRefuse(proveEntry(tree, position))
  const text = entry.toString('utf8')
  const tenant = tenantOfLeaf(text)
  // The same answer as for what is not there: how many entries others make, and when, is not this tenant's business.
  if (principal.tenantId !== null && tenant !== principal.tenantId) throw new BrokerError('not_found')
  const reading = {
    tenantId: tenant,
    actor: actorFacts(principal),
    operation: 'GET /v1/audit/:entry/proof',
    filters: { position },
    entries: 1,
  }
  await readings.record(db.forTenant(tenant), reading, clock.nowMs())
  return {
    position,
    entry: text,
    leaf_hash: leaf.toString('base64url'),
    size: tree.checkpoint.size,
    root: tree.checkpoint.root.toString('base64'),
    path: proof.path.map(hash => hash.toString('base64')),
    checkpoint: tree.note,
    proof: formatTlogProof(proof),
  }
}

/** Throws `not_found`, also for what is another tenant's: of that not even that it waits to be sealed may be told. */
async function locate(db: UnscopedDb, tenantId: string | null, name: string): Promise<number> {
  if (/^\d{1,16}$/.test(name)) return Number(name)
  const uuid = parseId('token', name) ?? name
  const atMs = Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16)
  const position = await findLeaf(db, tenantId, uuid === name ? { id: name } : { token: name }, atMs)
  const [stored] = position === undefined ? [] : await readEntriesBetween(db, position, position + 1)
  if (!stored || (tenantId !== null && tenantOfLeaf(stored.leaf) !== tenantId)) throw new BrokerError('not_found')
  return stored.position
}

const tenantOfLeaf = (leaf: string): string | null => (JSON.parse(leaf) as { readonly tenant?: string }).tenant ?? null

const notSealed = (): BrokerError => new BrokerError('entry_not_sealed', { retryAfterSeconds: 1 })

/** text: what a witness is asked with (c2sp.org/tlog-witness), so that anybody can hand the newest checkpoint to one. */
async function relate({ logs }: V1Deps, query: Static<typeof ConsistencyQuery>, asText: boolean) {
  const tree = await logs.tree()
  const { size } = tree.checkpoint
  const { from, to = size } = query
  if (asText && to !== size)
    throw new BrokerError('malformed_request', { hint: 'As text the proof goes to the newest checkpoint: leave out to.' })
  if (from > to) throw new BrokerError('malformed_request', { hint: 'from is beyond to.' })
  if (to > size) throw notSealed()
  const proof = await readOrRefuse(proveConsistency(tree, from, to))
  const view: Static<typeof ConsistencyView> = {
    from,
    to,
    from_root: proof.fromRoot.toString('base64'),
    to_root: proof.toRoot.toString('base64'),
    path: proof.path.map(hash => hash.toString('base64')),
    checkpoint: tree.note,
  }
  return { view, text: formatAddCheckpoint({ oldSize: from, proof: proof.path, checkpoint: tree.note }) }
}

function wantsText(request: FastifyRequest, named: 'json' | 'text' | undefined): boolean {
  return named ? named === 'text' : /\btext\/plain\b/i.test(request.headers.accept ?? '')
}

function sendText(reply: FastifyReply, text: string): never {
  reply.type('text/plain; charset=utf-8').serializer((body: unknown) => body as string)
  return text as never
}
