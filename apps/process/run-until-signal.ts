// How a Mayfly process starts and ends: what cannot start says why in words, without a stack; what runs ends gracefully on
// SIGTERM or SIGINT, and on the second one at once.

import { BrokerError } from '#core/errors/broker-error.ts'

const endWithinMs = 10_000

export interface Running {
  close(): Promise<void>
}

/** Starts, then waits for a signal. Exit code 0 after a graceful end, 1 when the start failed or the end took too long. */
export async function runUntilSignal(name: string, start: () => Promise<Running>): Promise<void> {
  let running: Running
  try {
    running = await start()
  } catch (error) {
    process.stderr.write(`${name} cannot start. ${explain(error)}\n`)
    process.exitCode = 1
    // Whatever was half started must not keep the process alive.
    setTimeout(() => process.exit(1), 500).unref()
    return
  }
  const signal = await new Promise<string>(resolve => {
    for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => resolve(name))
  })
  for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => process.exit(1))
  const late = setTimeout(() => {
    process.stderr.write(`${name} did not end within ${endWithinMs / 1000} s of ${signal}.\n`)
    process.exit(1)
  }, endWithinMs)
  await running.close()
  clearTimeout(late)
  // Whatever a library still waits for (a Redis that is gone) must not keep an ended process.
  setTimeout(() => process.exit(), 200).unref()
}

/** What is wrong, in words for an operator. */
export function explain(error: unknown): string {
  if (error instanceof BrokerError) return error.hint ?? error.detail ?? error.publicText
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return `PostgreSQL refuses connections (${message}). Start it, or correct DATABASE_URL.`
  if (code === 'EADDRINUSE')
    return `A port is taken (${message}). Free it, or choose another with MAYFLY_PORT, MAYFLY_MTLS_PORT or MAYFLY_METRICS_PORT.`
  return error instanceof Error ? error.message : String(error)
}
