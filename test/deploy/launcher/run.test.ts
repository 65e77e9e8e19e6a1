import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

const RUN = resolve('deploy/launcher/run.js')
const FOLLOW = resolve('apps/standalone/follow-launcher.ts')

/** A launcher that stays as the parent, as on a Node that cannot turn into the command. */
function parentOf(script: string): ChildProcess {
  const parent = `const { runChild } = await import(${JSON.stringify(RUN)})
    process.exitCode = await runChild(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(script)}])`
  return spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test.each([
  ['process.exit(7)', 7],
  ["process.kill(process.pid, 'SIGKILL')", 137],
])('the exit of the command is the exit of the launcher: %s', async (script, expected) => {
  const [code] = await once(parentOf(script), 'exit')
  expect(code).toBe(expected)
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s reaches the command, which ends in its own way', async signal => {
  const parent = parentOf(`process.on('${signal}', () => process.exit(5)); setInterval(() => {}, 60000); console.log('up')`)
  await once(createInterface(parent.stdout!), 'line')
  parent.kill(signal)
  const [code] = await once(parent, 'exit')
  expect(code).toBe(5)
})

test('a launcher killed without a word takes the command with it', async () => {
  const parent = parentOf(`const { followLauncher } = await import(${JSON.stringify(FOLLOW)})
    followLauncher(Number(process.env.MAYFLY_LAUNCHER_PID), () => { console.log('stopping'); process.exit(0) }, 20)
    setInterval(() => {}, 60000); console.log('up')`)
  const lines = createInterface(parent.stdout!)
  await once(lines, 'line')
  parent.kill('SIGKILL')
  expect(await once(lines, 'line')).toEqual(['stopping'])
})
