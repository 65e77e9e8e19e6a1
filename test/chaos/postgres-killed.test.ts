import { expect, test } from 'vitest'
import { killPostgres } from './kill-postgres.ts'
import { soundLog } from './rig/check-log.ts'
import { report } from './rig/report.ts'

test.runIf(process.platform === 'linux')(
  'F2: PostgreSQL killed 20 times under load: no acknowledged token is missing, and the broker recovers by itself each time',
  async () => {
    const result = await killPostgres({ kills: 20 })
    report('F2', result)
    expect(result).toMatchObject({ survived: true, broken: {}, withoutRetryAfter: 0, log: soundLog })
    expect(Object.keys(result.statuses).sort()).toEqual(['200', '503'])
    expect(Object.keys(result.managementStatuses).sort()).toEqual(['200', '503'])
    expect(result.slowestMs).toBeLessThan(1_500)
    expect(result.slowestRecoveryMs).toBeLessThan(5_000)
  },
  180_000,
)
