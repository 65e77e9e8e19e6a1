// RFC 8936 § 2. A poll that finds nothing waits, unless it says otherwise: it is answered when something happens, or after a while.

import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { Batch } from '#core/ssf/outgoing.ts'
import { acknowledge, readNext, signBatch } from '#core/ssf/poll.ts'
import { problems } from '../v1/schemas.ts'
import { PollBody, PollView, StreamId } from './schemas.ts'
import { type CallOf, documented, type SsfCall, type SsfRouteDeps, streamUuid } from './ssf-deps.ts'

const standardPollSeconds = 20
const lookAgainMs = 2_000
const mostEvents = 200
/** Polls that wait in this process, in all and for one stream; who comes then is answered at once. */
const mostWaiting = 2_000
const mostOfStream = 2

const PollParams = Type.Object({ slug: Type.Optional(Type.String()), stream_id: StreamId })

export function pollRoute(app: FastifyInstance, prefix: string, deps: SsfRouteDeps, callOf: CallOf): void {
  const waiting = new Map<string, number>()
  app.post<{ Params: Static<typeof PollParams>; Body: Static<typeof PollBody> | undefined }>(
    `${prefix}/ssf/poll/:stream_id`,
    {
      schema: {
        ...documented,
        summary: 'Acknowledge security events, and get the next ones',
        params: PollParams,
        body: PollBody,
        response: { 200: PollView, ...problems },
      },
    },
    async (request, reply) => {
      const call = callOf(request)
      const id = streamUuid(request.params.stream_id)
      const { maxEvents = mostEvents, returnImmediately = false, ack = [], setErrs = {} } = request.body ?? {}
      const limit = Math.min(maxEvents, mostEvents)
      const db = deps.dbOf(call.caller.tenantId)
      await acknowledge(db, call.caller, id, { maxEvents: limit, ack, setErrs }, deps.clock.nowMs())
      const mayWait = !returnImmediately && limit > 0 && sumOf(waiting) < mostWaiting && (waiting.get(id) ?? 0) < mostOfStream
      if (mayWait) waiting.set(id, (waiting.get(id) ?? 0) + 1)
      try {
        const batch = await nextBatch(
          deps,
          call,
          { id, limit, seconds: mayWait ? (deps.pollSeconds ?? standardPollSeconds) : 0 },
          reply,
        )
        // The key may have changed while it waited.
        const signer = (await deps.directory.find(call.caller.tenantId))?.signers.get('RS256')
        if (!signer) throw new BrokerError('internal', { detail: 'the tenant has no RS256 key' })
        const { sets, moreAvailable } = await signBatch(signer, batch)
        return await reply.header('cache-control', 'no-store').send({ sets, ...(moreAvailable && { moreAvailable }) })
      } finally {
        if (mayWait) leave(waiting, id)
      }
    },
  )
}

const sumOf = (waiting: ReadonlyMap<string, number>): number => [...waiting.values()].reduce((sum, count) => sum + count, 0)

function leave(waiting: Map<string, number>, id: string): void {
  const left = (waiting.get(id) ?? 1) - 1
  if (left === 0) waiting.delete(id)
  else waiting.set(id, left)
}

async function nextBatch(
  deps: SsfRouteDeps,
  { caller }: SsfCall,
  { id, limit, seconds }: { readonly id: string; readonly limit: number; readonly seconds: number },
  reply: FastifyReply,
): Promise<Batch> {
  const db = deps.dbOf(caller.tenantId)
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  // It went while its acknowledgements were written, and has said so already.
  if (reply.raw.destroyed) gone.abort()
  const endMs = performance.now() + seconds * 1000
  for (;;) {
    const looked = new AbortController()
    const left = endMs - performance.now()
    // Waiting begins before looking, so that what happens in between is heard.
    const woken =
      left > 0
        ? deps.wakes.wait(caller.tenantId, Math.min(left, lookAgainMs), AbortSignal.any([gone.signal, looked.signal]))
        : undefined
    const batch = await readNext(db, caller, id, limit, deps.clock.nowMs()).catch(error => {
      looked.abort()
      throw error
    })
    if (batch.items.length > 0 || !woken || gone.signal.aborted || deps.wakes.isClosed) {
      looked.abort()
      return batch
    }
    await woken
  }
}
