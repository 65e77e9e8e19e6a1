import { parseArgs } from 'node:util'
import { explain } from '#apps/process/run-until-signal.ts'
import { writeDevFile } from './dev-file.ts'
import { assertPortFree } from './free-port.ts'
import { openLogFile } from './log-file.ts'
import { type Ports, portVariables, readPorts, readStandaloneOptions } from './options.ts'
import { wantsColour } from './paint.ts'
import { createProgress } from './progress.ts'
import { readyScreen } from './screen.ts'
import { demoSubject } from './seed/registrations.ts'
import { openStateFolder } from './state-folder.ts'
import { closeInTime, untilStopped } from './until-stopped.ts'
import { writeWorkloadTokenScript } from './workload-token-command.ts'

const help = `npm start: Mayfly with its own PostgreSQL, on this machine only, until Ctrl-C.

  --json   one line of JSON when it is ready, in place of the screen
  --help   this

Environment: MAYFLY_STATE_DIR (.mayfly), DATABASE_URL, REDIS_URL,
  ${Object.values(portVariables)
    .map(({ variable, standard }) => `${variable} (${standard})`)
    .join(', ')},
  MAYFLY_POSTGRES_PORT (any free one), MAYFLY_LOG_LEVEL (info),
  MAYFLY_SIEM_URL, MAYFLY_LOG_WITNESSES (docs/how-to/siem.md, witness.md)
`

type Environment = Readonly<Record<string, string | undefined>>

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Returns the exit code: 0 after a graceful end, 1 when it could not start or something of it ended. */
export async function runStart(args: string[], env: Environment): Promise<number> {
  try {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      process.stdout.write(help)
      return 0
    }
    return await start(env, values.json ?? false)
  } catch (error) {
    say(`✗ Mayfly cannot start. ${explain(error)}`)
    return 1
  }
}

async function start(env: Environment, json: boolean): Promise<number> {
  const startedMs = performance.now()
  const options = readStandaloneOptions(env)
  const ports = readPorts(env)
  const state = openStateFolder(options.stateDir)
  const progress = createProgress()
  try {
    await assertPortsFree(ports)
    state.folder('logs')
    const logFile = openLogFile(state.path('logs/mayfly.log'), options.logLevel, line => say(`! ${line}`))
    // Not before everything cheap was checked: what is wrong is then said at once.
    const { registerAll, startCore } = await progress('Loading', () => import('./stack.ts'))
    const core = await startCore({ ...options, state, ports, logFile, progress, say })
    await using _running = core.closing
    // From here on a signal is remembered and ends things in order; before, there was nothing but PostgreSQL, whose guard does.
    const stopping = untilStopped(core.ended, options.launcherPid)
    const registered = await progress('Registering the demo tenant', () => registerAll(core, ports))
    const devFile = writeDevFile(core, registered, `start-${Date.now().toString(36)}`)
    const tokenScript = writeWorkloadTokenScript(state, { subject: demoSubject, audience: core.publicUrl })
    const ms = Math.round(performance.now() - startedMs)
    if (json) process.stdout.write(`${JSON.stringify({ ready: true, ms, pid: process.pid, devFile })}\n`)
    else {
      const colour = wantsColour(process.stdout, env)
      const screen = { core, registered, ports, devFile, tokenScript, logPath: logFile.path, seconds: ms / 1000, colour }
      process.stdout.write(`${readyScreen(screen)}\n`)
    }
    const { reason, exitCode } = await stopping
    say(exitCode === 0 ? 'Stopping …' : `✗ ${reason}`)
    await closeInTime(() => core.closing.disposeAsync(), say)
    return exitCode
  } finally {
    state.release()
  }
}

/** Before anything is made, so that a taken port leaves nothing half-done. */
async function assertPortsFree(ports: Ports): Promise<void> {
  for (const [name, { variable, purpose }] of Object.entries(portVariables) as [
    keyof Ports,
    (typeof portVariables)['public'],
  ][]) {
    const port = ports[name]
    if (port !== undefined) await assertPortFree({ port, purpose, variable })
  }
}
