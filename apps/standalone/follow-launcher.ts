/**
 * Calls `stop` once when the launcher that started us is gone without a word (kill -9). `launcherPid` is what it left in
 * MAYFLY_LAUNCHER_PID; undefined where the launcher turned into this process, and then there is nobody to follow.
 * Returns a function that ends the watch.
 */
export function followLauncher(launcherPid: number | undefined, stop: () => void, everyMs = 500): () => void {
  if (launcherPid === undefined) return () => {}
  const timer = setInterval(() => {
    if (process.ppid === launcherPid) return
    clearInterval(timer)
    stop()
  }, everyMs).unref()
  return () => clearInterval(timer)
}
