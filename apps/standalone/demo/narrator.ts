// The two ways of telling: for people, aligned and short; for programs, one line of JSON a step.

import { createPaint } from '../paint.ts'
import type { Chapter } from './chapters.ts'
import type { Outcome, Step } from './story.ts'

export interface Narrator {
  chapter(title: string): void
  /** ms: how long the step took. */
  passed(step: Step, outcome: Outcome, ms: number): void
  failed(step: Step, problem: string, ms: number): void
  /** After the last step. */
  end(passed: number, ms: number): void
}

type Write = (text: string) => void

export function jsonNarrator(write: Write): Narrator {
  const line = (value: object): void => write(`${JSON.stringify(value)}\n`)
  return {
    chapter: () => {},
    passed: ({ name }, { said, facts }, ms) => line({ step: name, ok: true, ms, said, ...facts }),
    failed: ({ name }, problem, ms) => line({ step: name, ok: false, ms, problem }),
    end: () => {},
  }
}

const timeWidth = 8

/** chapters: all that will be told, so that everything is aligned. */
export function humanNarrator(write: Write, colour: boolean, chapters: readonly Chapter[]): Narrator {
  const paint = createPaint(colour)
  const nameWidth = Math.max(...chapters.flatMap(chapter => chapter.steps.map(step => step.name.length)))
  /** Where the text of a step begins. */
  const indent = ' '.repeat(2 + 2 + nameWidth + timeWidth + 2)
  const head = (mark: string, { name }: Step, ms: number): string =>
    `  ${mark} ${name.padEnd(nameWidth)}${paint.dim(duration(ms).padStart(timeWidth))}  `
  return {
    chapter: title => write(`\n${paint.bold(title)}\n`),
    passed(step, { said }, ms) {
      write(`${head(paint.good('✓'), step, ms)}${said}\n${indent}${paint.dim(step.why)}\n`)
    },
    failed(step, problem, ms) {
      write(`${head(paint.bad('✗'), step, ms)}${problem.replaceAll('\n', `\n${indent}`)}\n`)
    },
    end(passed, ms) {
      write(`\n${paint.accent(`${passed} steps in ${duration(ms)}, each as it must be.`)}\n`)
      write(
        `${paint.dim('Next:')} npm start ${paint.dim('stays up and shows a first curl;')} README.md ${paint.dim('explains.')}\n`,
      )
    },
  }
}

const duration = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)
