// Progress goes to stderr, written synchronously: stdout belongs to the command, and nothing may be left in a buffer when this
// process turns into the command. On a terminal a running line shows the time; elsewhere a line at start, end, and each 15 s.
import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'

const STDERR = 2
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const PLAIN_EVERY_MS = 15_000

export function say(text) {
  try {
    writeSync(STDERR, text)
  } catch {
    // A full or closed terminal is no reason to fail.
  }
}

/**
 * Runs `work` under a progress line named `title`.
 * @template T
 * @param {string} title as in "Installing packages"
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const started = process.hrtime.bigint()
  const elapsed = () => `${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s`
  const live = isatty(STDERR)
  let frame = 0
  const draw = () => say(`\r\x1b[K${FRAMES[frame++ % FRAMES.length]} ${title} … ${elapsed()}`)
  const tick = live ? draw : () => say(`  ${title}: still at it after ${elapsed()}\n`)
  if (live) draw()
  else say(`  ${title} …\n`)
  const timer = setInterval(tick, live ? 100 : PLAIN_EVERY_MS)
  const end = mark => say(`${live ? '\r\x1b[K' : ''}${mark} ${title} (${elapsed()})\n`)
  try {
    const result = await work()
    end('✔')
    return result
  } catch (error) {
    end('✖')
    throw error
  } finally {
    clearInterval(timer)
  }
}
