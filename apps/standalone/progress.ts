// Tells on stderr what takes longer than a second, and how long it took. What is quick is not mentioned.

const quietMs = 1_000
const plainEveryMs = 5_000
const drawEveryMs = 100

export interface Terminal {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

/** Runs `work`; from its second second on, `title` is on the terminal. */
export type Progress = <T>(title: string, work: () => Promise<T>) => Promise<T>

/** keep: false wipes the line of a finished piece of work off a terminal, where something else tells of it. */
export function createProgress({
  terminal = process.stderr,
  keep = true,
}: {
  terminal?: Terminal
  keep?: boolean
} = {}): Progress {
  const live = terminal.isTTY === true
  return async (title, work) => {
    const startedMs = performance.now()
    const elapsed = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`
    let shown = false
    let timer: NodeJS.Timeout | undefined
    const draw = (): void => {
      shown = true
      terminal.write(live ? `\r\x1b[K… ${title} (${elapsed()})` : `… ${title} (${elapsed()})\n`)
    }
    const first = setTimeout(() => {
      draw()
      timer = setInterval(draw, live ? drawEveryMs : plainEveryMs)
    }, quietMs)
    try {
      const result = await work()
      if (shown) terminal.write(`${live ? '\r\x1b[K' : ''}${live && !keep ? '' : `✓ ${title} (${elapsed()})\n`}`)
      return result
    } catch (error) {
      if (shown) terminal.write(`${live ? '\r\x1b[K' : ''}✗ ${title} (${elapsed()})\n`)
      throw error
    } finally {
      clearTimeout(first)
      clearInterval(timer)
    }
  }
}
