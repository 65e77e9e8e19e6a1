import { sections } from '../apply/kinds.ts'
import type { Command } from '../command.ts'

export const apply: Command = {
  name: 'apply',
  summary: 'Register what a file says: plan, ask, do',
  about: `The file holds tenants, sign_in_providers, trust_sources, resources, agents and the two_person rule, each as its own create
command takes it; agents name their trust sources by name. Sections that are left out are left alone, and what is registered and
not in the file stays, unless you say --prune. Applying a file twice changes nothing the second time. Where it stops half-way, what
is done stays done, and the next run goes on from there. Schema: docs/reference/mayfly.schema.json`,
  options: {
    file: {
      type: 'string',
      short: 'f',
      value: 'FILE',
      many: true,
      required: true,
      summary: 'mayfly.yaml, a folder of such files, or - for standard input',
    },
    'dry-run': { type: 'boolean', summary: 'only show what would be done' },
    prune: { type: 'boolean', summary: 'delete what is registered and not in the file, of the sections in the file' },
    only: { type: 'string', value: 'SECTION', many: true, choices: sections, summary: 'only this section of the file' },
    yes: { type: 'boolean', summary: 'do not ask' },
  },
  examples: [
    { text: 'look first', command: 'mayfly apply -f mayfly.yaml --dry-run' },
    { text: 'from CI, the file is all there is', command: 'mayfly apply -f mayfly.yaml --prune --yes' },
    { text: 'as platform-admin, before the tenants’ own admins', command: 'mayfly apply -f mayfly.yaml --only tenants' },
  ],
  async run(context) {
    // Only who applies a file waits for what that needs to be loaded.
    const { runApply } = await import('../apply/run-apply.ts')
    await runApply(context)
  },
}
