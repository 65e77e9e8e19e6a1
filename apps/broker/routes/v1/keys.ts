// Keys of a tenant, and the envelopes of all keys. Private parts are shown to nobody.

import { type Static, Type } from 'typebox'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatId } from '#core/ids/id.ts'
import { createFreshKeys, type RotationCommand, rotateByCommand } from '#core/keys/rotation/rotate-by-command.ts'
import { type RotatingUse, rotatingUses } from '#core/keys/rotation/rotating-use.ts'
import { nextStep, signingKeyTimes } from '#core/keys/rotation/times.ts'
import { signingAlgorithms } from '#core/keys/signing-key.ts'
import type { Db } from '#db/connect.ts'
import { type KeyRow, type KeyTable, listKeys, liveKeys } from '#db/keys/key-rows.ts'
import { ownTenant, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { rewrapRoutes } from './rewrap.ts'
import { closed, Id, operatorSecurity, PageOf, PageQuery, problems, Time } from './schemas.ts'

const KeyView = Type.Object(
  {
    id: Id('key'),
    kid: Type.String({ description: 'As in the header of what it signed and in the key set.' }),
    use: Type.Enum(['signing', 'ca']),
    alg: Type.String(),
    state: Type.Enum(['next', 'active', 'retiring', 'retired'], {
      description: '`next` and `retiring` are published and do not sign; `retired` is neither published nor there any more.',
    }),
    created_at: Time,
    since: Type.String({ description: 'When it came into this state. RFC 3339, UTC.' }),
    next_step: Type.Optional(
      Type.Object(
        { step: Type.Enum(['publish_successor', 'activate', 'stop_signing', 'retire']), at: Time },
        { ...closed, description: 'What happens without your doing. Missing for a retired key.' },
      ),
    ),
  },
  closed,
)

const RotateBody = Type.Object(
  {
    use: Type.Enum(['signing', 'ca']),
    alg: Type.Optional(Type.Enum([...signingAlgorithms], { description: 'Only keys of this algorithm; else of each.' })),
    now: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'An emergency: the keys are retired at once, and whatever they signed is worth nothing from then on.',
      }),
    ),
  },
  { ...closed, examples: [{ use: 'signing' }, { use: 'signing', alg: 'ES256', now: true }] },
)
const Rotated = Type.Object(
  {
    keys: Type.Array(KeyView, { description: 'Those of this use that are not retired, as they are now.' }),
    retired: Type.Array(Type.String(), { description: '`kid`s of keys that were retired by this call.' }),
    revocation: Type.Optional(Id('revocation', 'Of whatever they signed: who has been told, /v1/revocations says.')),
    notice: Type.String({ description: 'What it means, for whoever asked.' }),
  },
  closed,
)

const base = { tags: ['key'], security: operatorSecurity }

export function keyRoutes(app: V1App, deps: V1Deps): void {
  const uses = rotatingUses(deps.keyEncryption, { signing: signingKeyTimes(deps.signingKeyDays) })
  registerList(app, deps, uses)
  registerRotate(app, deps, uses)
  rewrapRoutes(app, deps)
}

function registerList(app: V1App, deps: V1Deps, uses: readonly RotatingUse[]): void {
  app.get(
    '/v1/keys',
    {
      schema: {
        ...base,
        summary: "List the tenant's keys",
        querystring: PageQuery,
        response: { 200: PageOf(KeyView), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const views = await viewsOf(deps.db.forTenant(tenantId), uses, tenantId)
      const read = (page: Parameters<typeof listKeys>[2]) => listKeys(deps.db.forTenant(tenantId), tenantId, page)
      return await answerPage(deps.cursors, `/v1/keys ${tenantId}`, request.query, read, row => views(row))
    },
  )
}

function registerRotate(app: V1App, deps: V1Deps, uses: readonly RotatingUse[]): void {
  const commandOf = ({ actor, body, nowMs }: Call): RotationCommand => {
    const { use: name, alg, now = false } = body as Static<typeof RotateBody>
    const use = uses.find(each => each.use === name)
    if (!use) throw new BrokerError('not_found', { hint: `There are no keys for ${name} here.` })
    return { actor, tenantId: ownTenant(actor), use, alg, now, nowMs }
  }
  registerOperation(
    app,
    deps,
    {
      route: 'POST /v1/keys/rotate',
      status: 200,
      showsBody: true,
      tenantOf: call => ownTenant(call.actor),
      prepare: call => createFreshKeys(commandOf(call)),
      async work(trx, call, fresh) {
        const command = commandOf(call)
        const { retired, revocationId } = await rotateByCommand(
          trx,
          command,
          fresh as Awaited<ReturnType<typeof createFreshKeys>>,
        )
        const rows = await liveKeys(trx, command.use.table, command.tenantId, command.alg)
        const views = await viewsOf(trx, uses, command.tenantId)
        const keys = rows.map(row => views({ ...row, table: command.use.table }))
        const told = revocationId !== undefined && { revocation: formatId('revocation', revocationId) }
        return {
          keys,
          retired: [...retired],
          ...told,
          notice: command.now ? emergencyNotices[command.use.use] : ordinaryNotice(keys),
        }
      },
    },
    { tags: base.tags, summary: 'Rotate keys now instead of when they are due', body: RotateBody, answer: Rotated },
  )
}

const signingEmergency =
  'Guards refuse everything that the retired keys signed as soon as the feed tells them; verifiers that only read the key set do when ' +
  'they read it again, which guards do every 5 minutes. Until a verifier has read the new key, for about 90 seconds at most, it ' +
  'refuses tokens that are signed with it.'

const caEmergency =
  'No certificate of the built-in CA opens anything from now on. Tokens that are bound to one live on until they end, for an hour at ' +
  'most. Workloads enrol anew: with fresh join tokens, or by their trust source.'

const emergencyNotices = { signing: signingEmergency, ca: caEmergency } as const

function ordinaryNotice(keys: readonly Static<typeof KeyView>[]): string {
  const times = keys.flatMap(({ state, next_step }) => (state === 'next' && next_step ? [next_step.at] : []))
  return `The new key is published and signs from ${times.sort().at(-1)} on. No token is refused meanwhile.`
}

/** How each of the tenant's keys is shown: its next step depends on whether its successor is published. */
async function viewsOf(db: Db, uses: readonly RotatingUse[], tenantId: string) {
  const successors = new Map<string, number>()
  for (const { table } of uses)
    for (const key of await liveKeys(db, table, tenantId))
      if (key.state === 'next') successors.set(`${table} ${key.alg}`, key.state_since.getTime())
  return (row: KeyRow & { readonly table: KeyTable }): Static<typeof KeyView> => {
    const use = uses.find(({ table }) => table === row.table)!
    const key = { state: row.state, sinceMs: row.state_since.getTime() }
    const next = nextStep(key, use.times, successors.get(`${row.table} ${row.alg}`))
    return {
      id: formatId('key', row.id),
      kid: row.kid,
      use: use.use,
      alg: row.alg,
      state: row.state,
      created_at: row.created_at.toISOString(),
      since: row.state_since.toISOString(),
      ...(next && { next_step: { step: next.step, at: new Date(next.atMs).toISOString() } }),
    }
  }
}
