// `mayfly`: the process around it.

import { homedir } from 'node:os'
import { processIo } from './io.ts'
import { runCli } from './run-cli.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
// Whoever reads our output may stop early (`| head`): that is no failure.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runCli(process.argv.slice(2), processIo(homedir(), stop.signal))
