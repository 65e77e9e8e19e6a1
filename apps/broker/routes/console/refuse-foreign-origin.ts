// A browser sends a cookie with whatever asks for it; who asks is said by `Origin` and `Sec-Fetch-Site`, which no page can forge.
// What changes something must come from our own pages, and a request that does not say where it comes from did not (attack 27).
// What another site's page loads as its image, script or frame is nobody's visit: it could begin sign-ins unseen, or use up what
// failures its reader's address may have.

import type { IncomingHttpHeaders } from 'node:http'
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
    const isOwn = site === undefined || site === 'same-origin' || (site === 'none' && isPage)
    if (!isOwn && !(isPage && isVisit(headers))) throw refused('Sec-Fetch-Site says another site')
    if (!isRead && headers.origin !== own) throw refused(headers.origin === undefined ? 'no Origin' : 'another Origin')
  })
}

/** Whether a window goes there, and not a part of a page. */
const isVisit = ({ 'sec-fetch-mode': mode, 'sec-fetch-dest': place }: IncomingHttpHeaders): boolean =>
  (mode === undefined || mode === 'navigate') && (place === undefined || place === 'document')

const refused = (detail: string) => new BrokerError('origin_refused', { detail })
