// How sealing the log stands. That it has a fault concerns every operator, whose tokens wait for it. What the fault is, in words, is for who
// runs the deployment: it tells of machines, backups and witnesses that are no tenant's.

import { Type } from 'typebox'
import { findSealStateNow } from '#db/log/seal.ts'
import { principalOf } from '../../http/access.ts'
import { sealLagMaxMs } from '../../seal-watch.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, operatorSecurity, problems } from './schemas.ts'

const Seconds = (description: string) => Type.Number({ minimum: 0, description })
const Entries = (description: string) => Type.Integer({ minimum: 0, description })
const Witness = Type.Object(
  {
    name: Type.String(),
    size: Entries('Of the last tree that it cosigned.'),
    fault: Type.Optional(Type.String({ description: 'Why it did not cosign the newest one; for platform operators.' })),
  },
  closed,
)
const LogStatus = Type.Object(
  {
    state: Type.Enum(['off', 'sealed', 'behind', 'silent', 'refused'], {
      description:
        'sealed: all but the last seconds is under a signed checkpoint; behind: it has not been for a minute; silent: the sealer is not heard of; refused: it does not sign, `fault` tells the platform’s operators why; off: none was ever set up.',
    }),
    origin: Type.Optional(Type.String({ description: 'First line of each checkpoint.' })),
    verifier_key: Type.Optional(Type.String({ description: 'That checkpoints are signed by (c2sp.org/signed-note).' })),
    size: Type.Optional(Entries('Entries of the log.')),
    sealed: Type.Optional(Entries('Entries under the last checkpoint.')),
    lag_seconds: Type.Optional(Seconds('How long the oldest entry that is not sealed has been there.')),
    tokens_refused: Type.Boolean({
      description: 'Whether no tokens are issued, because the log has not been sealed for ten minutes.',
    }),
    heard_seconds_ago: Type.Optional(Seconds('Since the sealer was last heard of.')),
    fault: Type.Optional(Type.String({ description: 'Why nothing is signed; for platform operators.' })),
    witnesses: Type.Optional(Type.Array(Witness)),
  },
  closed,
)

const behindMs = 60_000
const silentMs = 30_000
const inSeconds = (ms: number): number => Math.round(Math.max(0, ms)) / 1_000

export function logStatusRoute(app: V1App, { db }: V1Deps): void {
  const schema = {
    tags: ['audit'],
    security: operatorSecurity,
    summary: 'How sealing the log stands',
    response: { 200: LogStatus, ...problems },
  }
  app.get('/v1/log/status', { schema }, async request => {
    const isPlatform = principalOf(request).tenantId === null
    const state = await findSealStateNow(db)
    if (!state) return { state: 'off' as const, tokens_refused: false }
    const { lagMs, heardMs, fault } = state
    const isSilent = heardMs > silentMs
    const word = fault !== undefined ? 'refused' : isSilent ? 'silent' : lagMs > behindMs ? 'behind' : 'sealed'
    return {
      state: word as 'refused' | 'silent' | 'behind' | 'sealed',
      origin: state.origin,
      verifier_key: state.verifierKey,
      size: state.headSize,
      sealed: state.sealedShard === state.shard ? state.sealedSize : 0,
      lag_seconds: inSeconds(lagMs),
      tokens_refused: lagMs > sealLagMaxMs,
      heard_seconds_ago: inSeconds(heardMs),
      ...(isPlatform && fault !== undefined && { fault }),
      witnesses: state.witnesses.map(({ name, size, fault: why }) => ({
        name,
        size,
        ...(isPlatform && why !== undefined && { fault: why }),
      })),
    }
  })
}
