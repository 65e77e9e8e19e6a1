import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that Linux (32768) and macOS (49152) give to outgoing connections: none of those takes one of ours before its server starts. */
const lowest = 12_000
const highest = 32_767
/** Test files run side by side and would otherwise pick the same one now and then: each worker has ports of its own. */
const slices = 16
const slice = Number(process.env.VITEST_POOL_ID ?? 0) % slices
const given = new Set<number>()

/** A port of the loopback interface that nobody listens on now, given out once in this process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = lowest + slices * randomInt(Math.floor((highest - lowest) / slices)) + slice
    if (given.has(port) || !(await canListen(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port of loopback between ${lowest} and ${highest}`)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
