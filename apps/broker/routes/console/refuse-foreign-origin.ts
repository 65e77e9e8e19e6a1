// A browser sends a cookie with whatever asks for it; who asks is said by `Origin` and `Sec-Fetch-Site`, which no page can forge.
// What changes something must come from our own pages, and a request that does not say where it comes from did not (attack 27).

import type { FastifyInstance } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'

/** Guards every route that is registered in `app` from now on. publicUrl: its origin is the only one that counts. */
export function refuseForeignOrigin(app: FastifyInstance, publicUrl: string): void {
  const { origin: own } = new URL(publicUrl)
  // Before the body is read.
  app.addHook('onRequest', async ({ method, headers, routeOptions }) => {
    const site = headers['sec-fetch-site']
    const isRead = method === 'GET' || method === 'HEAD'
    // A page of ours may be come to from anywhere; what our own scripts ask for may not.
    const isPage = isRead && !/\/console\/api\//.test(routeOptions.url ?? '')
    if (!isPage && site !== undefined && site !== 'same-origin') throw refused('Sec-Fetch-Site says another site')
    if (!isRead && headers.origin !== own) throw refused(headers.origin === undefined ? 'no Origin' : 'another Origin')
  })
}

const refused = (detail: string) => new BrokerError('origin_refused', { detail })
