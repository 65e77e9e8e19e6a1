// POST /challenge: a nonce for whoever proves to hold a DID to sign. In the manner of the challenge endpoint of
// draft-ietf-oauth-attestation-based-client-auth: no body, no credential, nothing stored.

import type { FastifyPluginCallback } from 'fastify'
import { type ChallengeNonces, challengeSeconds } from '#core/did/challenge-nonces.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Clock } from '#core/time/clock.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface ChallengeRouteDeps {
  readonly directory: TenantDirectory
  readonly challenges: ChallengeNonces
  readonly clock: Clock
}

export const challengeRoutes: FastifyPluginCallback<ChallengeRouteDeps> = (app, { directory, challenges, clock }, done) => {
  for (const url of ['/challenge', '/t/:slug/challenge'])
    app.post<{ Params: { slug?: string } }>(url, { schema: { hide: true } }, async (request, reply) => {
      const { tenant } = await resolveTenant(directory, request.params.slug)
      const nonce = challenges.issue(tenant.id, clock.nowMs())
      return reply.header('cache-control', 'no-store').send({ nonce, expires_in: challengeSeconds })
    })
  done()
}
