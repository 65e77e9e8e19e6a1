import type { Trx } from '#db/connect.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { principalOf, rowsOf } from '../../http/access.ts'
import { type Answer, once } from '../../http/idempotency.ts'

type Request = Parameters<typeof principalOf>[0]
/** As much of a reply as is needed here; its type in a route depends on the route's schema. */
interface Reply {
  code(status: number): unknown
  header(name: string, value: string): unknown
}

/**
 * One change, one transaction, one audit event. Sets status and headers and returns the body, after the commit. For POST the
 * work is done under the request's Idempotency-Key; secret: the body holds one, so it is not kept for repetition.
 */
export async function answerChange<View extends object>(
  db: UnscopedDb,
  request: Request,
  reply: Reply,
  options: { readonly status: 200 | 201; readonly secret?: boolean },
  work: (trx: Trx) => Promise<View>,
): Promise<View> {
  const answer = await rowsOf(db, request)
    .transaction()
    .execute(async (trx): Promise<Answer> => {
      const run = async () => ({ status: options.status, body: await work(trx) })
      if (request.method !== 'POST') return run()
      return once(trx, request, { credentialId: principalOf(request).credentialId, secret: options.secret ?? false }, run)
    })
  const body = answer.body as View
  if (answer.status === 201 && 'id' in body) reply.header('location', `${request.url.split('?')[0]}/${body.id}`)
  reply.header('cache-control', 'no-store')
  reply.code(answer.status)
  return body
}
