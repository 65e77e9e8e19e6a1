// One call of `mayfly`, from its words to its exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.

import { Broker } from './broker/broker.ts'
import { CliError, CommandEnded } from './cli-error.ts'
import { type Command, type Context, Flags } from './command.ts'
import { commands } from './commands.ts'
import { type Connection, findConnection } from './config/connection.ts'
import { commandHelp, groupHelp } from './help.ts'
import type { Io } from './io.ts'
import { Print } from './output/print.ts'
import { beforeEnd, isGroup, parseWords, splitWords, wantsHelp } from './parse-words.ts'
import { version } from './version.ts'

/** Runs the command that the words name. words: without node and script. Returns the exit code; never throws. */
export async function runCli(words: readonly string[], io: Io): Promise<number> {
  const json = beforeEnd(words).includes('--json')
  const print = new Print(io, json)
  try {
    return await dispatch(words, io, print)
  } catch (error) {
    if (error instanceof CommandEnded) return error.exitCode
    if (io.signal.aborted) return 130
    if (error instanceof CliError) {
      print.failure(error)
      // To Claude Code 2 is an order, to keep a sub-agent from stopping say, and no failure.
      return words[0] === 'hook' ? 1 : error.exitCode
    }
    print.failure(unexpected(error))
    return 1
  }
}

async function dispatch(words: readonly string[], io: Io, print: Print): Promise<number> {
  if (beforeEnd(words).includes('--version')) {
    io.out(`${version}\n`)
    return 0
  }
  const { name, command, rest } = splitWords(commands, words)
  if (wantsHelp(words) || words.length === 0) {
    io.out(command ? commandHelp(command) : groupHelp(commands, name))
    return 0
  }
  if (!command) {
    // Only a group: without the word that says what to do with it.
    io.err(groupHelp(commands, isGroup(commands, name) ? name : ''))
    return 2
  }
  await runCommand(command, rest, io, print)
  return 0
}

async function runCommand(command: Command, rest: readonly string[], io: Io, print: Print): Promise<void> {
  const { args, many, values } = parseWords(command, rest)
  const flags = new Flags(values)
  let connection: Connection | undefined
  let broker: Broker | undefined
  const context: Context = {
    io,
    print,
    args,
    words: many,
    flags,
    connection() {
      connection ??= announce(print, findConnection(io, flags.text('profile')))
      return connection
    },
    broker() {
      broker ??= new Broker(context.connection(), io.signal)
      return broker
    },
  }
  try {
    await command.run(context)
  } finally {
    await broker?.close()
  }
}

/** Nobody named this broker, so it is said which one it is. */
function announce(print: Print, connection: Connection): Connection {
  const { source, url } = connection
  if (source.kind === 'development') print.note(`The development broker at ${url} (${source.file.path}).`)
  return connection
}

/** A mistake of ours. Where in the program it happened helps nobody at a terminal. */
const unexpected = (error: unknown): CliError =>
  new CliError({
    what: 'mayfly failed unexpectedly.',
    why: error instanceof Error ? error.message : String(error),
    next: 'This is a mistake in mayfly. Please report it, with the command that you typed and without secrets.',
  })
