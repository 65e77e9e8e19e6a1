// `npm run chaos`: fault F2 for as long as one likes. Ends with 1 when anything that was acknowledged is missing.

import { parseArgs } from 'node:util'
import { describeMachine } from '#test/bench/machine.ts'
import { killPostgres } from './kill-postgres.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, json: { type: 'boolean', default: false } },
})
const kills = Number(values.kills)
if (!Number.isInteger(kills) || kills < 1 || kills > 100_000) {
  process.stderr.write('--kills must be a whole number from 1 to 100000.\n')
  process.exit(2)
}

const every = Math.max(1, Math.floor(kills / 50))
const result = await killPostgres({
  kills,
  onKill: (kill, recoveryMs, tokens) => {
    if (kill % every === 0 || kill === kills)
      process.stderr.write(
        `kill ${kill} of ${kills}: a token again after ${Math.round(recoveryMs)} ms, ${tokens} tokens so far\n`,
      )
  },
})
const { log, statuses, managementStatuses } = result
const strange = [...Object.keys(statuses), ...Object.keys(managementStatuses)].filter(status => !['200', '503'].includes(status))
const faults = [
  ...(log.missing + log.different > 0 ? [`${log.missing + log.different} acknowledged tokens are not in the log`] : []),
  ...(log.gaps > 0 ? [`the log has ${log.gaps} gaps`] : []),
  ...(result.survived ? [] : ['the broker ended']),
  ...(strange.length > 0 ? [`answers other than 200 and 503: ${[...new Set([...strange, ...result.strange])].join('; ')}`] : []),
  ...(result.withoutRetryAfter > 0 ? [`${result.withoutRetryAfter} refusals without Retry-After`] : []),
  ...(result.slowestMs > 1_500 ? [`an answer took ${Math.round(result.slowestMs)} ms`] : []),
  ...(Object.keys(result.broken).length > 0 ? [`calls without a whole answer: ${JSON.stringify(result.broken)}`] : []),
]
for (const fault of faults) process.stderr.write(`✗ ${fault}\n`)
const figures = {
  kills,
  tokens: log.tokens,
  entries: log.entries,
  missing: log.missing + log.different,
  gaps: log.gaps,
  refusals: statuses['503'] ?? 0,
  refused_p99_ms: Math.round(result.refusedP99Ms),
  slowest_answer_ms: Math.round(result.slowestMs),
  slowest_recovery_ms: Math.round(result.slowestRecoveryMs),
  rss_bytes: result.residentBytes,
}
if (values.json) process.stdout.write(`${JSON.stringify({ name: 'chaos', machine: describeMachine(), figures })}\n`)
else
  process.stdout.write(
    `${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join('\n')}\n`,
  )
process.exit(faults.length === 0 ? 0 : 1)
