// POST /revoke: RFC 7009. Answered when the revocation is durable; guards hear of it by the feed, a moment later.

import type { FastifyPluginCallback } from 'fastify'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseClientAssertion, refuseSecret } from '#core/exchange/exchange-request.ts'
import { type Form, parseForm } from '#core/exchange/form.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import { type OwnRevocationDeps, revokeOwnToken } from '#core/revocation/revoke-own.ts'
import type { Peers } from '../../tls/peers.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface RevokeRouteDeps {
  readonly revocation: OwnRevocationDeps
  readonly directory: TenantDirectory
  readonly peers: Peers
  readonly publicUrl: string
  readonly mtlsUrl: string
}

export const revokeRoutes: FastifyPluginCallback<RevokeRouteDeps> = (app, deps, done) => {
  const { revocation, directory, peers, publicUrl, mtlsUrl } = deps
  const { nonces, clock } = revocation.exchange
  for (const url of ['/revoke', '/t/:slug/revoke'])
    app.post<{ Params: { slug?: string }; Body: string | undefined }>(url, { schema: { hide: true } }, async (request, reply) => {
      const snapshot = await resolveTenant(directory, request.params.slug)
      const { raw, body } = request
      const { dpop, authorization } = raw.headers
      if (authorization !== undefined)
        throw new BrokerError('client_not_authenticated', { hint: 'Authorization is not used here: agents prove a key.' })
      const endpoint = `${snapshot.tenant.issuer}/revoke`
      await revokeOwnToken(revocation, {
        snapshot,
        ...readParameters(parseForm(body ?? '')),
        certificate: peers.certificateOf(raw),
        dpop: dpop === undefined ? undefined : { proof: String(dpop), urls: [endpoint, endpoint.replace(publicUrl, mtlsUrl)] },
        address: peers.addressOf(raw),
      })
      // RFC 9449 § 8.2.
      if (dpop !== undefined) reply.header('dpop-nonce', nonces.issue(clock.nowMs()))
      return reply.header('cache-control', 'no-store').send()
    })
  done()
}

/** token_type_hint is a hint (§ 2.1), and there is one place to look. */
function readParameters(form: Form) {
  const one = (name: string): string | undefined => form.get(name)?.[0]
  const token = one('token')
  if (token === undefined) throw new BrokerError('malformed_request', { hint: 'token is missing.' })
  refuseSecret(form)
  return { token, clientAssertion: parseClientAssertion(one), clientId: one('client_id') }
}
