// Everything starts here, on any Node ≥ 18 with npm: see to the locked dependencies and to a Node that is new enough, then hand
// over to the command. With everything in place it only looks, takes no lock and prints nothing.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMMANDS, helpText } from './commands.js'
import { buildConsole, consoleReady } from './console.js'
import { dependenciesReady, installDependencies } from './dependencies.js'
import { LauncherError } from './failure.js'
import { say, step } from './progress.js'
import { become, runChild } from './run.js'
import { bringRuntime, getRuntime, isNewEnough, runtimePath } from './runtime.js'
import { withSetupLock } from './setup-lock.js'

const root = realpathSync(join(dirname(fileURLToPath(import.meta.url)), '..', '..'))

async function main([name, ...args]) {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return void process.stdout.write(helpText())
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    throw new LauncherError({
      what: `There is no command "${name}".`,
      why: `The commands are ${Object.keys(COMMANDS).join(', ')}.`,
      remedy: 'See: node deploy/launcher/launch.js --help',
    })
  }
  checkPlatform()
  const node = await setUp(command.console === true)
  if (command.stays) return become(node, [...fromCaller(name, command.run[0]), ...withJson(command, args)])
  process.chdir(root)
  const last = command.run.length - 1
  for (const program of command.run.slice(0, last)) {
    const code = await runChild(node, program)
    if (code !== 0) return code
  }
  return become(node, [...command.run[last], ...withJson(command, args)])
}

/** `npm run` goes to the project's folder, but the paths that its caller types are meant from where the caller is. */
function fromCaller(name, [program, ...given]) {
  const { npm_lifecycle_event: script, INIT_CWD: caller } = process.env
  if (script === name && caller) process.chdir(caller)
  return [join(root, program), ...given]
}

function checkPlatform() {
  if (process.platform !== 'win32') return
  throw new LauncherError({
    what: 'Mayfly does not run on Windows itself.',
    why: 'Its embedded PostgreSQL and its file permissions need Linux or macOS.',
    remedy: 'Run it inside WSL (wsl --install, then the same command there), or in Docker: docker compose up',
  })
}

/** @returns {Promise<string>} path of the Node to run with */
async function setUp(withConsole) {
  const runtime = isNewEnough(process.versions.node) ? undefined : getRuntime(`${process.platform}-${process.arch}`)
  const node = runtime === undefined ? process.execPath : runtimePath(root, runtime)
  const pagesReady = () => !withConsole || consoleReady(root)
  const ready = () => existsSync(node) && dependenciesReady(root) && pagesReady()
  if (ready()) return node
  await withSetupLock(root, async hold => {
    if (!existsSync(node)) {
      const title = `Bringing Node ${runtime.version} (this is ${process.versions.node}; into .mayfly/runtime, about 150 MB)`
      await step(title, () => bringRuntime(root, runtime, hold))
    }
    if (!dependenciesReady(root)) await step('Installing the locked dependencies', () => installDependencies(root, node, hold))
    if (!pagesReady()) await step('Building the console', () => buildConsole(root, node, hold))
  })
  return node
}

function withJson(command, args) {
  const asked = command.json && process.env.npm_config_json === 'true' && !args.includes('--json')
  return asked ? [...args, '--json'] : args
}

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code
  },
  error => {
    say(`✖ ${error instanceof LauncherError ? error.message : error.stack}\n`)
    process.exitCode = 1
  },
)
