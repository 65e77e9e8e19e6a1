import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { explain } from '#apps/process/run-until-signal.ts'
import { pickPort } from '../free-port.ts'
import { openLogFile } from '../log-file.ts'
import { type Ports, readStandaloneOptions } from '../options.ts'
import { createPaint, wantsColour } from '../paint.ts'
import { createProgress } from '../progress.ts'
import { openStateFolder } from '../state-folder.ts'
import type { Chapter } from './chapters.ts'
import { humanNarrator, jsonNarrator, type Narrator } from './narrator.ts'
import { type Step, Story } from './story.ts'

const help = `npm run demo: the whole story of Mayfly in a few seconds, then exit 0; 1 when a step did not come out as it must.

  --json      one line of JSON a step: {"step","ok","ms",…}
  --browser   a person claims in Chromium, where there is one, instead of by plain HTTP
  --help      this

It runs beside npm start: free ports, an own PostgreSQL, and state of its own under MAYFLY_STATE_DIR/demo (.mayfly/demo).
`

const options = { json: { type: 'boolean' }, browser: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

type Environment = Readonly<Record<string, string | undefined>>

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Returns the exit code. */
export async function runDemo(args: string[], env: Environment): Promise<number> {
  try {
    const { values } = parseArgs({ args, options })
    if (values.help) {
      process.stdout.write(help)
      return 0
    }
    return await tell(env, values.json ?? false, values.browser ?? false)
  } catch (error) {
    say(`✗ The demo cannot start. ${explain(error)}`)
    return 1
  }
}

async function tell(env: Environment, json: boolean, browser: boolean): Promise<number> {
  const { stateDir, logLevel } = readStandaloneOptions(env)
  const state = openStateFolder(join(stateDir, 'demo'))
  const colour = wantsColour(process.stdout, env)
  const write = (text: string): void => void process.stdout.write(text)
  try {
    state.folder('logs')
    const logFile = openLogFile(state.path('logs/mayfly.log'), logLevel, line => say(`! ${line}`))
    const progress = createProgress({ keep: json })
    const story = new Story({ state, ports: await pickPorts(), logFile, logLevel, progress, say, browser })
    if (!json) write(`\n${createPaint(colour).accent('Mayfly')}: accounts for AI agents that live as long as the task\n`)
    const { chapters } = await progress('Loading', () => import('./chapters.ts'))
    const narrator = json ? jsonNarrator(write) : humanNarrator(write, colour, chapters)
    const ok = await tellChapters(story, chapters, narrator)
    if (!ok) say(`The log of all parts: ${logFile.path}`)
    return ok ? 0 : 1
  } finally {
    state.release()
  }
}

/** Ends at the first step that fails; what was started is ended in any case. */
export async function tellChapters(story: Story, chapters: readonly Chapter[], narrator: Narrator): Promise<boolean> {
  const startedMs = performance.now()
  let passed = 0
  try {
    for (const chapter of chapters) {
      narrator.chapter(chapter.title)
      for (const step of chapter.steps) {
        if (!(await tellStep(story, step, narrator))) return false
        passed += 1
      }
    }
    narrator.end(passed, performance.now() - startedMs)
    return true
  } finally {
    await story.core?.closing.disposeAsync()
  }
}

async function tellStep(story: Story, step: Step, narrator: Narrator): Promise<boolean> {
  const startedMs = performance.now()
  const elapsed = (): number => Math.round(performance.now() - startedMs)
  try {
    narrator.passed(step, await step.run(story), elapsed())
    return true
  } catch (error) {
    narrator.failed(step, explain(error), elapsed())
    return false
  }
}

/** Free ones, so that a running Mayfly is no hindrance. */
async function pickPorts(): Promise<Ports> {
  const taken = new Set<number>()
  const pick = async (): Promise<number> => {
    const port = await pickPort(undefined, undefined)
    if (taken.has(port)) return pick()
    taken.add(port)
    return port
  }
  return { public: await pick(), mtls: await pick(), idp: await pick(), orders: await pick(), metrics: undefined }
}
