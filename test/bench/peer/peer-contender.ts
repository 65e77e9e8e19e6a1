import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Contender } from '../contender.ts'
import { rssBytesOf } from '../machine.ts'
import type { PeerAuthentication } from './peer-client.ts'

/** The peer as a contender. `client_secret_post` is its faster way, by a little. */
export function peerContender(authentication: PeerAuthentication = 'client_secret_post'): Contender {
  return {
    name: 'peer',
    async start() {
      const child = fork(fileURLToPath(import.meta.resolve('./main.ts')), [authentication], {
        execArgv: [],
        env: { ...process.env, NODE_ENV: 'production' },
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      })
      const [{ port }] = (await once(child, 'message', { signal: AbortSignal.timeout(30_000) })) as [{ port: number }]
      return {
        trafficModule: import.meta.resolve('./traffic.ts'),
        trafficOptions: { port, authentication },
        rssBytes: () => rssBytesOf(child.pid!),
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return
          const exit = once(child, 'exit')
          child.kill()
          await exit
        },
      }
    },
  }
}
