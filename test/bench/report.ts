import type { Machine } from './machine.ts'
import { type Entrant, ratios } from './measure.ts'
import { median } from './statistics.ts'

const round = (value: number, digits: number): number => Number(value.toFixed(digits))

/** The figures by name; each name ends in its unit. */
export function toFigures(entrants: Entrant[]): Record<string, number> {
  const figures: Record<string, number> = {}
  const peer = entrants[0]!
  for (const entrant of entrants) {
    const put = (key: string, value: number, digits: number) => {
      figures[`${entrant.name}_${key}`] = round(value, digits)
    }
    const rates = entrant.rounds.map(result => result.tokensPerSecond)
    put('tokens_per_s', median(rates), 0)
    put('lowest_tokens_per_s', Math.min(...rates), 0)
    put('highest_tokens_per_s', Math.max(...rates), 0)
    if (entrant !== peer) {
      const each = ratios(entrant, peer)
      put('ratio', median(each), 3)
      put('lowest_ratio', Math.min(...each), 3)
      put('highest_ratio', Math.max(...each), 3)
    }
    if (entrant.latency) {
      const { latencyMs, lagMs } = entrant.latency.result
      put('half_peak_offered_requests_per_s', entrant.latency.ratePerSecond, 0)
      put('half_peak_p50_ms', latencyMs.p50, 2)
      put('half_peak_p95_ms', latencyMs.p95, 2)
      put('half_peak_p99_ms', latencyMs.p99, 2)
      put('half_peak_max_ms', latencyMs.max, 2)
      put('half_peak_generator_lag_p99_ms', lagMs.p99, 2)
    }
    put('rss_bytes', entrant.rssBytes, 0)
    put(
      'verified_tokens',
      all(entrant, result => result.counted),
      0,
    )
    put(
      'failed_answers',
      all(entrant, result => result.failed),
      0,
    )
  }
  return figures
}

/** Every round and the outcome, for people. */
export function toText(entrants: Entrant[], machine: Machine): string {
  const peer = entrants[0]!
  const header = ['round', ...entrants.map(entrant => (entrant === peer ? 'peer/s' : `${entrant.name}/s (ratio)`))]
  const rows = peer.rounds.map((_, i) => [
    String(i + 1),
    ...entrants.map(entrant =>
      withRatio(entrant.rounds[i]!.tokensPerSecond, entrant === peer ? undefined : ratios(entrant, peer)[i]!),
    ),
  ])
  const middle = [
    'median',
    ...entrants.map(entrant =>
      withRatio(
        median(entrant.rounds.map(result => result.tokensPerSecond)),
        entrant === peer ? undefined : median(ratios(entrant, peer)),
      ),
    ),
  ]
  const spread = [
    'spread',
    ...entrants.map(entrant =>
      entrant === peer
        ? spreadOf(
            peer.rounds.map(r => r.tokensPerSecond),
            0,
          )
        : spreadOf(ratios(entrant, peer), 2),
    ),
  ]
  const machineLine = `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Node ${machine.node}, ${machine.os}`
  return [machineLine, '', ...table([header, ...rows, middle, spread]), '', ...entrants.flatMap(latencyLines)].join('\n')
}

function latencyLines(entrant: Entrant): string[] {
  const share = median(entrant.rounds.map(result => result.generatorShare))
  const lines = [
    `${entrant.name}: ${all(entrant, r => r.counted)} answers verified, ${all(entrant, r => r.signaturesVerified)} of them with signature, ` +
      `${all(entrant, r => r.failed)} failed; server ${(entrant.rssBytes / 2 ** 20).toFixed(0)} MiB, generator ${share.toFixed(2)} core`,
  ]
  if (entrant.latency) {
    const { latencyMs, lagMs } = entrant.latency.result
    lines.push(
      `${entrant.name}: at ${entrant.latency.ratePerSecond}/s p50 ${latencyMs.p50.toFixed(2)} p95 ${latencyMs.p95.toFixed(2)} ` +
        `p99 ${latencyMs.p99.toFixed(2)} max ${latencyMs.max.toFixed(2)} ms (generator late by p50 ${lagMs.p50.toFixed(2)}, p99 ${lagMs.p99.toFixed(2)} ms)`,
    )
  }
  for (const reason of failures(entrant)) lines.push(`${entrant.name}: FAILED: ${reason}`)
  return lines
}

/** The first reasons why answers of this entrant did not count. */
export function failures(entrant: Entrant): string[] {
  return [...new Set(results(entrant).flatMap(result => result.reasons))].slice(0, 3)
}

const results = (entrant: Entrant) => [...entrant.rounds, ...(entrant.latency ? [entrant.latency.result] : [])]

const all = (entrant: Entrant, pick: (result: Entrant['rounds'][number]) => number): number =>
  results(entrant).reduce((sum, result) => sum + pick(result), 0)

const withRatio = (rate: number, ratio: number | undefined): string =>
  ratio === undefined ? rate.toFixed(0) : `${rate.toFixed(0)} (${ratio.toFixed(2)})`

const spreadOf = (values: number[], digits: number): string =>
  `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`

function table(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => row.map((cell, column) => cell.padStart(widths[column]!)).join('   '))
}
