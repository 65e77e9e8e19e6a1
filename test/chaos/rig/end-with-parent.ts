// Preloaded into every child: when the pipe from the test ends, however the test died, the child ends too. Preloads run in
// worker threads as well, which have a standard input of their own.

import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'))
  process.stdin.resume()
  ;(process.stdin as unknown as { unref?: () => void }).unref?.()
}
