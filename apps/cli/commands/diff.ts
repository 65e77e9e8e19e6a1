import type { Command } from '../command.ts'
import { apply } from './apply.ts'

const { file, prune, only } = apply.options!

export const diff: Command = {
  name: 'diff',
  summary: 'Show what apply would do',
  about: 'Reads, and changes nothing: the same as mayfly apply --dry-run. The file is as apply takes it.',
  options: {
    ...{ file: file!, prune: prune!, only: only! },
    'exit-code': { type: 'boolean', summary: 'end with exit code 1 where there is something to do' },
  },
  examples: [
    { text: 'what a folder of files would change', command: 'mayfly diff -f registry/' },
    { text: 'a nightly check that nobody changed things by hand', command: 'mayfly diff -f mayfly.yaml --prune --exit-code' },
  ],
  async run(context) {
    const { runDiff } = await import('../apply/run-apply.ts')
    await runDiff(context)
  },
}
