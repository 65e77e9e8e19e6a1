// A plan and what became of it, for people and as JSON.

import type { Print } from '../output/print.ts'
import { visibleLine } from '../output/visible.ts'
import type { Outcome } from './carry-out.ts'
import type { Plan, Step } from './plan.ts'

const signs = { create: '+', update: '~', delete: '-' } as const

/** Lines of text. */
export function planLines({ steps, unchanged, warnings }: Plan, { paint }: Print): string[] {
  const colour = { create: paint.green, update: paint.yellow, delete: paint.red }
  const lines = steps.flatMap(({ action, noun, name, differences }) => [
    colour[action](`  ${signs[action]} ${noun} ${visibleLine(name)}`),
    ...differences.map(({ path, was, value }) => `      ${visibleLine(path)}: ${shortly(was)} → ${shortly(value)}`),
  ])
  return [...lines, ...warnings.map(text => `  ! ${visibleLine(text)}`), countsOf(steps, unchanged)]
}

function countsOf(steps: readonly Step[], unchanged: number): string {
  const count = (action: Step['action']): number => steps.filter(step => step.action === action).length
  if (steps.length === 0) return `Nothing to do: ${unchanged} as the file says.`
  return `${count('create')} to create, ${count('update')} to change, ${count('delete')} to delete, ${unchanged} as the file says.`
}

const widest = 72

function shortly(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = visibleLine(JSON.stringify(value))
  return text.length <= widest ? text : `${text.slice(0, widest - 1)}…`
}

export const stepView = ({ action, section, name, differences }: Step) => ({
  action,
  section,
  name,
  ...(differences.length > 0 && { differences: differences.map(({ path, was, value }) => ({ path, was, value })) }),
})

export const planView = ({ steps, unchanged, warnings }: Plan) => ({
  steps: steps.map(stepView),
  unchanged,
  ...(warnings.length > 0 && { warnings }),
})

export const outcomeView = ({ step, result, change, error }: Outcome) => ({
  ...stepView(step),
  result,
  ...(change !== undefined && { change }),
  ...(error && { error: error.failure }),
})

const words = {
  done: { create: 'created', update: 'changed', delete: 'deleted' },
  waiting: 'waits for a second person',
  blocked: 'not yet: it needs what waits',
  failed: 'FAILED',
  open: 'not come to',
} as const

export function outcomeLine({ step, result, change }: Outcome): string {
  const word = result === 'done' ? words.done[step.action] : words[result]
  return `  ${step.noun} ${visibleLine(step.name)}: ${word}${change === undefined ? '' : ` (${change})`}`
}
