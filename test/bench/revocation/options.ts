import { parseArgs } from 'node:util'

export interface RevocationBenchOptions {
  readonly processes: number
  readonly guardsPerProcess: number
  /** Revocations, one at a time; 0 leaves them out, as do `seconds` and `children`. */
  readonly single: number
  readonly perMinute: number
  readonly seconds: number
  readonly children: number
  readonly json: boolean
}

export const usage = `Usage: npm run bench:revocation -- [--processes 10] [--guards 10] [--single 300] [--per-minute 10000] [--seconds 60]
  [--children 1000] [--json]`

/** Reads the arguments; throws an Error with the reason. */
export function parseOptions(args: readonly string[]): RevocationBenchOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      processes: text,
      guards: text,
      single: text,
      'per-minute': text,
      seconds: text,
      children: text,
      json: { type: 'boolean' },
    },
  })
  const number = (name: keyof typeof values, standard: number, [least, most]: [number, number]): number => {
    const value = values[name] === undefined ? standard : Number(values[name])
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new Error(`--${name} must be a whole number from ${least} to ${most}.`)
    return value
  }
  return {
    processes: number('processes', 10, [1, 64]),
    guardsPerProcess: number('guards', 10, [1, 100]),
    single: number('single', 300, [0, 10_000]),
    perMinute: number('per-minute', 10_000, [1, 100_000]),
    seconds: number('seconds', 60, [0, 600]),
    children: number('children', 1_000, [0, 5_000]),
    json: values.json ?? false,
  }
}
