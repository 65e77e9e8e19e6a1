// Hands over to the command. Where Node can (22.15 and newer) this process turns into the command itself, so that signals, exit
// code and process id are its own; otherwise it stays as a thin parent that passes signals on and the exit code back.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter, dirname } from 'node:path'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'

const compileCache = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url))
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGINT']

/**
 * The environment of a command: its Node comes first in PATH, so that children find the same one. What was compiled once is kept:
 * the next start takes half as long.
 */
export function environmentFor(node, env = process.env) {
  const { NODE_COMPILE_CACHE = compileCache } = env
  return { ...env, NODE_COMPILE_CACHE, PATH: [dirname(node), env.PATH].filter(Boolean).join(delimiter) }
}

/**
 * Becomes `node` with `args`. Returns the exit code where it could not become it.
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export function become(node, args) {
  if (process.execve !== undefined) process.execve(node, [node, ...args], environmentFor(node))
  return runChild(node, args)
}

/** Runs `node` with `args` as a child on our terminal. @returns {Promise<number>} its exit code */
export function runChild(node, args) {
  // The child can tell by the parent's id when we are gone without a word (kill -9), and stop as well.
  const env = { ...environmentFor(node), MAYFLY_LAUNCHER_PID: String(process.pid) }
  const child = spawn(node, args, { stdio: 'inherit', env })
  const relay = signal => {
    // Ctrl-C reaches everything on the terminal by itself; twice would mean "at once" to some commands.
    if (signal === 'SIGINT' && isatty(0)) return
    child.kill(signal)
  }
  for (const signal of PASSED_ON) process.on(signal, relay)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      for (const name of PASSED_ON) process.off(name, relay)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}
