// Preloaded into every child: when the pipe from the test ends, however the test died, the child ends too.

process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'))
process.stdin.resume()
;(process.stdin as unknown as { unref?: () => void }).unref?.()
