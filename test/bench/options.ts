import { parseArgs } from 'node:util'

export interface BenchOptions {
  rounds: number
  /** Measured seconds of each contender in each round. */
  seconds: number
  warmupSeconds: number
  connections: number
  /** Measured seconds of the latency run; 0 leaves it out. */
  latencySeconds: number
  json: boolean
  /** Names of the contenders to run beside the peer; empty means all. */
  only: string[]
}

export const usage = `Usage: node test/bench/run.ts [--rounds 7] [--seconds 5] [--warmup 1] [--connections 96]
  [--latency-seconds 10] [--only warm,first] [--json]`

/** Reads the arguments; throws an Error with the reason. The bounds keep a run within an hour. */
export function parseOptions(args: string[]): BenchOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      rounds: text,
      seconds: text,
      warmup: text,
      connections: text,
      'latency-seconds': text,
      only: text,
      json: { type: 'boolean' },
    },
  })
  const number = (name: string, value: string | undefined, standard: number, [least, most]: [number, number]): number => {
    const parsed = value === undefined ? standard : Number(value)
    if (!(parsed >= least && parsed <= most)) throw new Error(`--${name} must be between ${least} and ${most}.`)
    return parsed
  }
  return {
    rounds: Math.floor(number('rounds', values.rounds, 7, [1, 50])),
    seconds: number('seconds', values.seconds, 5, [0.5, 30]),
    warmupSeconds: number('warmup', values.warmup, 1, [0, 10]),
    connections: Math.floor(number('connections', values.connections, 96, [1, 512])),
    latencySeconds: number('latency-seconds', values['latency-seconds'], 10, [0, 60]),
    json: values.json ?? false,
    only: values.only?.split(',') ?? [],
  }
}
