import type { Command } from '../command.ts'

export const whoami: Command = {
  name: 'whoami',
  summary: 'Show whose credential is in use, with which role',
  examples: [
    { text: 'of the current profile', command: 'mayfly whoami' },
    { text: 'only the role, for a script', command: 'mayfly whoami --json | jq -r .role' },
  ],
  operations: ['GET /v1/whoami'],
  async run(context) {
    const { url } = context.connection()
    const { body } = await context.broker().call('whoami', { method: 'GET', path: '/v1/whoami' })
    context.print.thing({ ...body, broker: url })
  },
}
