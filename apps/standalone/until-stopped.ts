// What runs until somebody ends it: gracefully at the first SIGINT, SIGTERM or SIGHUP, when the launcher above us is gone,
// or when a part that must not end has ended; at once at the second signal.

import { followLauncher } from './follow-launcher.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const endWithinMs = 30_000

export interface Ending {
  readonly reason: string
  readonly exitCode: 0 | 1
}

/** Resolves with why to stop. `ended`: a part's own end, which is a failure. */
export async function untilStopped(ended: Promise<string>, launcherPid: number | undefined): Promise<Ending> {
  let unfollow = (): void => {}
  const ending = await Promise.race([
    new Promise<Ending>(resolve => {
      for (const signal of signals) process.once(signal, () => resolve({ reason: signal, exitCode: 0 }))
      unfollow = followLauncher(launcherPid, () => resolve({ reason: 'the launcher is gone', exitCode: 0 }))
    }),
    ended.then(reason => ({ reason, exitCode: 1 }) as const),
  ])
  unfollow()
  return ending
}

/** Runs `close`, which a second signal or too long a wait cuts short: PostgreSQL's guard then ends PostgreSQL. */
export async function closeInTime(close: () => Promise<void>, say: (text: string) => void): Promise<void> {
  for (const signal of signals) process.on(signal, () => process.exit(1))
  const late = setTimeout(() => {
    say(`Not everything ended within ${endWithinMs / 1000} s; leaving it.`)
    process.exit(1)
  }, endWithinMs)
  await close()
  clearTimeout(late)
}
