import { Type } from 'typebox'
import {
  longestMonths,
  type Months,
  monthsOf,
  type RetentionName,
  retentionClasses,
  setRetention,
} from '#core/audit/retention.ts'
import type { Db } from '#db/connect.ts'
import { findRetention, type RetentionRow } from '#db/erasure/retention.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed } from './schemas.ts'
import { registerTenantSetting } from './tenant-setting.ts'

const abouts: Readonly<Record<RetentionName, string>> = {
  security: 'Who changed what, who let it pass, what was revoked.',
  standard: 'The life of accounts and their tokens.',
  short: 'What comes in masses: decisions that guards report.',
}
const MonthsOf = (name: RetentionName) =>
  Type.Integer({ minimum: retentionClasses[name].least, maximum: longestMonths, description: `${abouts[name]} Months.` })
const own = { security: MonthsOf('security'), standard: MonthsOf('standard'), short: MonthsOf('short') }

const Body = Type.Object(
  { security: Type.Optional(own.security), standard: Type.Optional(own.standard), short: Type.Optional(own.short) },
  { ...closed, examples: [{ security: 120, standard: 24 }], description: 'What is left out is as the deployment has it.' },
)
const View = Type.Object(
  {
    months: Type.Object(own, { ...closed, description: 'What holds: how long bodies stay. Leaves stay for ever.' }),
    own: Type.Partial(Type.Object(own, closed), { description: 'What the tenant has said.' }),
  },
  closed,
)

export function retentionRoutes(app: V1App, deps: V1Deps): void {
  registerTenantSetting(app, deps, {
    path: '/v1/tenants/:id/retention',
    tag: 'audit',
    summaries: {
      get: 'How long bodies of the log of a tenant stay',
      put: 'Say how long bodies of the log of a tenant stay',
    },
    Body,
    View,
    isCompared: true,
    show,
    async set(trx, change, { security = null, standard = null, short = null }) {
      await setRetention(trx, change, { security, standard, short })
      return show(trx, change.tenantId)
    },
  })
}

async function show(db: Db, tenantId: string): Promise<{ months: Months; own: Partial<Months> }> {
  const row = await findRetention(db, tenantId)
  return { months: monthsOf(row), own: said(row) }
}

const said = (row: RetentionRow | undefined): Partial<Months> =>
  Object.fromEntries(Object.entries(row ?? {}).filter(([, months]) => months !== null))
