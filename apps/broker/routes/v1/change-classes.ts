// Which changes two people can be demanded for, beside the table of who may call what. A changing route that is missing here
// stops the boot, and so does a row without a route, or a guarded route that cannot wait.

import type { FastifyInstance } from 'fastify'
import type { GuardedBy } from '#core/operators/two-person/change-class.ts'
import type { Operations } from './operation.ts'

/** null: one person is enough, whatever a tenant has set. What only takes power away never waits. */
export const changeClasses: Readonly<Record<string, GuardedBy | null>> = {
  'POST /v1/bootstrap': null,
  'POST /v1/tenants': null,
  'PUT /v1/tenants/:id/two-person': 'any',
  // Which side may set what bounds it already: a tenant can only set less.
  'PUT /v1/tenants/:id/limits': null,
  'PUT /v1/tenants/:id/anonymous': null,
  'DELETE /v1/tenants/:id/anonymous': null,

  'POST /v1/sign-in-providers': 'any',
  'PUT /v1/sign-in-providers/:id': 'any',
  'DELETE /v1/sign-in-providers/:id': 'any',
  // It lets nobody in that could not sign in already, and must not be kept in clear until somebody decides.
  'PUT /v1/sign-in-providers/:id/client-secret': null,
  'DELETE /v1/sign-in-providers/:id/client-secret': null,
  'POST /v1/sessions': null,
  'DELETE /v1/sessions/current': null,
  'POST /v1/people/:id/sign-out': null,

  'POST /v1/trust-sources': 'trust',
  'PUT /v1/trust-sources/:id': 'trust',
  'DELETE /v1/trust-sources/:id': 'trust',
  'POST /v1/trust-sources/:id/suspend': null,
  'POST /v1/trust-sources/:id/reinstate': 'trust',

  'POST /v1/agents': 'trust,ceilings',
  'PUT /v1/agents/:id': 'trust,ceilings',
  'DELETE /v1/agents/:id': 'ceilings',
  'POST /v1/agents/:id/suspend': null,
  'POST /v1/agents/:id/reinstate': 'trust,ceilings',

  // Whoever holds one is taken for the agent, as if a rule named it.
  'POST /v1/agents/:id/join-tokens': 'trust,ceilings',
  'DELETE /v1/agents/:id/join-tokens/:join_token_id': null,

  'POST /v1/resources': 'ceilings',
  'PUT /v1/resources/:id': 'ceilings',
  'DELETE /v1/resources/:id': 'ceilings',

  'POST /v1/resources/:id/credentials': null,
  'DELETE /v1/resources/:id/credentials/:credential_id': null,

  // An account is what its agent's registration allows, which two people let pass.
  'POST /v1/accounts': null,
  'POST /v1/accounts/:id/extend': null,
  'POST /v1/accounts/:id/complete': null,
  'POST /v1/accounts/:id/revoke': null,
  'POST /v1/accounts/:id/close': null,
  'POST /v1/accounts/:id/reinstate': null,
  'POST /v1/accounts/:id/attachments': null,
  'DELETE /v1/accounts/:id/attachments/:attachment_id': null,
  'POST /v1/accounts/:id/attachments/:attachment_id/retry': null,

  // Who may attach what stands in ceilings, which two people let pass; and what waits is kept in clear, credentials and all.
  'POST /v1/connectors': null,
  'PUT /v1/connectors/:id': null,
  'DELETE /v1/connectors/:id': null,

  'POST /v1/webhooks': null,
  'PUT /v1/webhooks/:id': null,
  'DELETE /v1/webhooks/:id': null,
  'POST /v1/webhooks/:id/messages/:message_id/redeliver': null,
  'POST /v1/webhooks/:id/audit/retry': null,
  'POST /v1/webhooks/:id/audit/skip': null,

  // They hear what was revoked and can do nothing.
  'POST /v1/receivers': null,
  'POST /v1/receivers/:id/token': null,
  'DELETE /v1/receivers/:id': null,
  'POST /v1/ssf/streams/:id/status': null,
  'POST /v1/ssf/streams/:id/dead-letters/:dead_letter_id/redeliver': null,
  'DELETE /v1/ssf/streams/:id/dead-letters/:dead_letter_id': null,

  'POST /v1/keys/rotate': 'keys',
  'POST /v1/keys/rewrap': null,

  // It stops what somebody may be doing at this very moment, and gives nobody anything.
  'POST /v1/revocations': null,

  'POST /v1/erasures': 'audit',
  'POST /v1/erasures/preview': null,
  // It keeps what would go.
  'POST /v1/legal-holds': null,
  'POST /v1/legal-holds/:id/lift': 'audit',
  'PUT /v1/tenants/:id/retention': 'audit',

  'POST /v1/operators': 'operators',
  'DELETE /v1/operators/:id': null,

  'POST /v1/changes/:id/approve': null,
  'POST /v1/changes/:id/reject': null,
  'POST /v1/changes/:id/collect': null,
  'POST /v1/changes/:id/break-glass': null,
}

/** Guards every route that is registered in `app` from now on. Must be called before them. */
export function demandClasses(app: FastifyInstance, operations: Operations): void {
  const registered = new Set<string>()
  app.addHook('onRoute', route => {
    for (const method of [route.method].flat()) {
      const name = `${method} ${route.url}`
      if (method === 'GET') continue
      if (!Object.hasOwn(changeClasses, name)) throw new Error(`route ${name} is missing from the table of change classes`)
      registered.add(name)
    }
  })
  app.addHook('onReady', async () => {
    const idle = Object.keys(changeClasses).filter(name => !registered.has(name))
    if (idle.length > 0) throw new Error(`the table of change classes names routes that do not exist: ${idle.join(', ')}`)
    const immediate = Object.keys(changeClasses).filter(name => changeClasses[name] !== null && !operations.has(name))
    if (immediate.length > 0) throw new Error(`these routes have a class and cannot wait: ${immediate.join(', ')}`)
  })
}
