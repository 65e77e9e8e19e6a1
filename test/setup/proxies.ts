// nginx and HAProxy as Debian packs them, each with a configuration of a test in a folder of its own, on loopback ports.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Debian's nginx keeps the module that passes connections through. */
export const nginxStreamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** Where nginx may write: in the folder of its configuration, not in the system's, which need not be ours. */
export const nginxTemporaryFiles = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/temp;`).join('\n  ')

/**
 * Whether the system has both. Without them their tests are left out, and the run says so; in CI they must run, so there
 * missing ones are an error.
 */
export const hasProxies: boolean = findProxies()

function findProxies(): boolean {
  try {
    execFileSync('haproxy', ['-v'], { stdio: 'ignore' })
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
    if (!existsSync(nginxStreamModule)) throw new Error(`${nginxStreamModule} is missing`)
    return true
  } catch (cause) {
    const advice = 'Install them: apt-get install nginx libnginx-mod-stream haproxy.'
    if (process.env['CI']) throw new Error(`These tests need nginx and HAProxy. ${advice}`, { cause })
    console.warn(`No nginx and HAProxy here: the tests behind them are left out. ${advice}`)
    return false
  }
}

export interface RunningProxy {
  stop(): Promise<void>
}

/** Files that a configuration names: PEM texts by file name. */
export type ProxyFiles = Readonly<Record<string, string>>

/** write: the configuration, given the folder with the files. ports: that it listens on. */
export async function startProxy(
  program: 'nginx' | 'haproxy',
  files: ProxyFiles,
  write: (folder: string) => string,
  ports: readonly number[],
): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), `mayfly-${program}-`))
  await mkdir(join(folder, 'temp'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  const configuration = join(folder, 'proxy.conf')
  await writeFile(configuration, write(folder))
  const settings =
    program === 'nginx' ? ['-p', folder, '-e', 'stderr', '-c', configuration, '-g', 'daemon off;'] : ['-db', '-f', configuration]
  const child = spawn(program, settings, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  try {
    for (const port of ports) await listening(port, child)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`${program} does not start: ${said}`, { cause })
  }
  return {
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGTERM')
        await gone
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Waits until somebody listens there; throws when the process has ended. */
async function listening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    const is = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (is) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
