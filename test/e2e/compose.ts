// `npm run test:containers`: brings docker-compose.yml up for real, as a project of its own, and walks through what it
// promises. Not part of `npm test`, since it needs a container engine.

import { parseArgs } from 'node:util'
import { freePort } from '#test/setup/free-port.ts'
import { createReport } from './compose/report.ts'
import { findMissingEngine, Stack } from './compose/stack.ts'
import { openWorld, tellFailures, tellIsolation, tellRegistration, tellTheCall } from './compose/story.ts'

const help = `npm run test:containers: brings docker-compose.yml up for real and walks through it; needs Docker.

  --json          one JSON object a step
  --keep          leave it running at the end
  --no-build      take the image that is there
  --env-file <f>  for Compose, e.g. deploy/docker/offline.env
`

const flag = { type: 'boolean', default: false } as const
const { values: options } = parseArgs({
  options: { json: flag, keep: flag, 'no-build': flag, help: flag, 'env-file': { type: 'string' } },
})
if (options.help) {
  process.stdout.write(help)
  process.exit()
}

const missing = findMissingEngine()
if (missing !== undefined) {
  // A run that could test nothing must not look like one that passed.
  console.error(
    `${missing}\nThe container tests were NOT run. Start Docker (20.10 or newer, Compose 2.20 or newer) and try again.`,
  )
  process.exit(2)
}

const project = `mayfly-e2e-${process.pid}`
const stack = new Stack({
  project,
  ports: [await freePort(), await freePort(), await freePort()],
  envFile: options['env-file'],
})
const report = createReport(options.json, line => process.stdout.write(`${line}\n`))
let failed = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end().then(() => process.exit(130)))

async function end(): Promise<void> {
  if (options.keep) return void console.error(`It is still up: docker compose -p ${project} ps`)
  await stack.compose('down', '--volumes', '--timeout', '15')
}

try {
  report.chapter('Mayfly in containers')
  if (!options['no-build'])
    await report.step('the image builds', async () => {
      await stack.composeAloud('build', '--quiet', 'broker')
      return undefined
    })
  await report.step('docker compose up: from nothing to healthy', async () => {
    await stack.composeAloud('up', '-d', '--no-build', '--wait', '--wait-timeout', '180')
    return undefined
  })
  await tellIsolation(report, stack)
  const world = await openWorld(report, stack)
  await tellRegistration(report, world)
  const token = await tellTheCall(report, world)
  await tellFailures(report, world, token)
} catch {
  failed = 1
  const logs = await stack.compose('logs', '--no-color', '--tail', '15').catch(() => '')
  if (logs) console.error(`\nThe last that the services said:\n${logs}`)
} finally {
  await end().catch(error => console.error((error as Error).message))
}
const counts = `${report.passed} passed, ${failed} failed`
console.log(options.json ? JSON.stringify({ step: 'done', ok: failed === 0, passed: report.passed, failed }) : `\n${counts}`)
process.exitCode = failed
