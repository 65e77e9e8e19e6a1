import { parseArgs } from 'node:util'
import type { BenchOptions } from './options.ts'

/** What a bench that asks two brokers in turn is told: how large they are, and how they are measured. */
export interface TwoBrokersOptions<Size extends string> {
  readonly size: Readonly<Record<Size, number>>
  readonly options: BenchOptions
}

export interface TwoBrokersTerms<Size extends string> {
  readonly usage: string
  /** What is left out of the arguments. */
  readonly size: Readonly<Record<Size, number>>
  readonly rounds: number
  readonly connections: number
  /** The greatest value of any of them. */
  readonly most: number
}

/** Reads the arguments of this process; prints the usage and ends it where that is asked for. Throws an Error with the usage. */
export function readTwoBrokersOptions<Size extends string>({
  usage,
  most,
  size,
  ...standard
}: TwoBrokersTerms<Size>): TwoBrokersOptions<Size> {
  const numbers: Record<string, number> = { ...size, rounds: standard.rounds, seconds: 4, connections: standard.connections }
  const flags = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const
  const texts = Object.fromEntries(Object.keys(numbers).map(name => [name, { type: 'string' } as const]))
  const values: Readonly<Record<string, unknown>> = parseArgs({ options: { ...texts, ...flags } }).values
  if (values['help']) {
    console.log(usage)
    process.exit(0)
  }
  const numberOf = (name: string): number => {
    const value = Number(values[name] ?? numbers[name])
    if (!(value > 0 && value <= most)) throw new Error(usage)
    return value
  }
  const sizes = Object.fromEntries(Object.keys(size).map(name => [name, numberOf(name)])) as Record<Size, number>
  const [rounds, seconds, connections] = [numberOf('rounds'), numberOf('seconds'), numberOf('connections')]
  const json = values['json'] === true
  return { size: sizes, options: { rounds, seconds, warmupSeconds: 1, connections, latencySeconds: 0, json, only: [] } }
}
