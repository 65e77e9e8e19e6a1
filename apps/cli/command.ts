// What a command is: data about it, from which help, completion and the reference page are made, and one function that runs it.

import type { Broker } from './broker/broker.ts'
import type { Connection } from './config/connection.ts'
import type { Io } from './io.ts'
import type { Print } from './output/print.ts'

/** A flag, `--name`. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly summary: string
  /** One letter: `-f`. */
  readonly short?: string
  /** What stands for its value in help texts: FILE, SECONDS. Needed for strings. */
  readonly value?: string
  /** May be given several times. */
  readonly many?: true
  readonly required?: true
  /** The only values there are. */
  readonly choices?: readonly string[]
}

export type Options = Readonly<Record<string, Option>>

/** A word after the command's name. */
export interface Argument {
  readonly name: string
  readonly summary: string
  readonly optional?: true
  /** Takes all words that are left. */
  readonly many?: true
}

export interface Example {
  /** What it is for, a few words. */
  readonly text: string
  readonly command: string
}

export interface Command {
  /** Words separated by a space: `agents join-tokens create`. */
  readonly name: string
  /** One line without a full stop. */
  readonly summary: string
  /** More, for its own help page. */
  readonly about?: string
  readonly arguments?: readonly Argument[]
  readonly options?: Options
  readonly examples: readonly Example[]
  /** The operations of `/v1` that it uses and no row of the table names: `POST /v1/sessions`. */
  readonly operations?: readonly string[]
  /** Throws a CliError where it fails. */
  run(context: Context): Promise<void>
}

/** What a running command has at hand. */
export interface Context {
  readonly io: Io
  readonly print: Print
  /** Words after the command's name, by the argument's name; of a `many` argument use `words`. */
  readonly args: Readonly<Record<string, string>>
  /** The words of the `many` argument. */
  readonly words: readonly string[]
  readonly flags: Flags
  /** Which broker, with which authorities and credential. Throws a CliError where none is known. */
  connection(): Connection
  /** The management API there, signed in. Throws a CliError where nobody is. */
  broker(): Broker
}

type Value = string | boolean | readonly (string | boolean)[] | undefined

/** The flags that were given. Asking for one that the command does not have is a mistake in the program. */
export class Flags {
  readonly #values: Readonly<Record<string, Value>>

  constructor(values: Readonly<Record<string, Value>>) {
    this.#values = values
  }

  /** The value of a string flag; of one given several times, the last. */
  text(name: string): string | undefined {
    const value = this.#values[name]
    const last = Array.isArray(value) ? value.at(-1) : value
    return typeof last === 'string' ? last : undefined
  }

  /** All values of a flag that may be given several times. */
  all(name: string): readonly string[] {
    const value = this.#values[name]
    const values = Array.isArray(value) ? value : [value]
    return values.filter((item): item is string => typeof item === 'string')
  }

  /** Whether a boolean flag was given. */
  has(name: string): boolean {
    return this.#values[name] === true
  }
}
