// POST /anonymous/challenge: work for a stranger to do before it asks for an account. No body, no credential, nothing stored.

import type { FastifyPluginCallback } from 'fastify'
import { type Challenges, challengeSeconds } from '#core/anonymous/challenges.ts'
import { agentForStrangers } from '#core/anonymous/stranger.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { groupOf } from '#core/exchange/rejections.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { Clock } from '#core/time/clock.ts'
import type { Peers } from '../../tls/peers.ts'
import { resolveTenant } from './tenant-of-path.ts'

export interface AnonymousChallengeDeps {
  readonly directory: TenantDirectory
  readonly workChallenges: Challenges
  readonly clock: Clock
  readonly peers: Peers
}

export const anonymousChallengeRoutes: FastifyPluginCallback<AnonymousChallengeDeps> = (app, deps, done) => {
  const { directory, workChallenges, clock, peers } = deps
  for (const url of ['/anonymous/challenge', '/t/:slug/anonymous/challenge'])
    app.post<{ Params: { slug?: string } }>(url, { schema: { hide: true } }, async (request, reply) => {
      const snapshot = await resolveTenant(directory, request.params.slug)
      if (!agentForStrangers(snapshot)) throw new BrokerError('not_found', { hint: 'This tenant takes no strangers.' })
      const group = groupOf(peers.addressOf(request.raw))
      const { challenge, bits } = workChallenges.issue(snapshot.tenant.id, group, clock.nowMs())
      const answer = { challenge, algorithm: 'sha-256', difficulty: bits, expires_in: challengeSeconds }
      return reply.header('cache-control', 'no-store').send(answer)
    })
  done()
}
