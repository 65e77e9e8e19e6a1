import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { basename } from 'node:path'
import { LauncherError } from './failure.js'
import { environmentFor } from './run.js'

// A dead network should show within seconds; a slow one still gets its second chance.
const NETWORK = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
const QUIET = ['--no-audit', '--no-fund', '--no-progress', '--no-update-notifier', '--loglevel=error']

/**
 * Runs the npm that started us, or the one in PATH, with its output caught. It runs on `node`: npm leaves optional packages out
 * when the Node that it runs on is too old for them, and the command's Node is what counts.
 * @param {string[]} args
 * @param {{ cwd: string, node: string, onSpawn: (pid: number) => void }} options
 * @returns {Promise<{ code: number | null, stdout: string, output: string }>}
 * @throws {LauncherError} when there is no npm
 */
export function runNpm(args, { cwd, node, onSpawn }) {
  const [program, ...first] = findNpm(process.env, node)
  // No install scripts: what Mayfly needs of them it does itself, and a package's script would run with our rights.
  const child = spawn(program, [...first, ...args, '--ignore-scripts', ...NETWORK, ...QUIET], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentFor(node, withoutJson(process.env)),
  })
  let stdout = ''
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text
  })
  if (child.pid !== undefined) onSpawn(child.pid)
  const ignore = endTogether(child)
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(noNpm(error)))
    child.once('close', code => resolve({ code, stdout, output }))
  }).finally(ignore)
}

/** An npm that outlived us would write into node_modules beside the next one. */
function endTogether(child) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const end = signal => {
    child.once('close', () => process.exit(128 + constants.signals[signal]))
    child.kill(signal)
  }
  for (const signal of signals) process.on(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
  }
}

function findNpm({ npm_execpath: script }, node) {
  const isNpm = script !== undefined && basename(script) === 'npm-cli.js'
  return isNpm ? [node, script] : ['npm']
}

/** `npm run demo --json` is meant for the demo; npm would pass it on to the npm that we run. */
function withoutJson(env) {
  const { npm_config_json: _, ...rest } = env
  return rest
}

function noNpm(error) {
  return new LauncherError({
    what: 'npm cannot be started.',
    why: error.code === 'ENOENT' ? 'There is no program "npm" in PATH.' : String(error.message),
    remedy: 'Install Node.js together with npm (https://nodejs.org), or use Docker: docker compose up',
  })
}
