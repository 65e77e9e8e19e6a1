import { type Operation, row } from './operation.ts'

// What seals the log.

export const logRows: readonly Operation[] = [
  row('log status', 'GET /v1/log/status', 'How sealing the log stands: entries, how many are sealed, lag, witnesses', {
    answer: 'thing',
    about:
      'The worker signs a checkpoint over the log each second. Where it refuses, the log is not the one that was sealed before, and platform operators are told why; beyond ten minutes no tokens are issued.',
    examples: [
      { text: 'is everything under a signed checkpoint?', command: 'mayfly log status' },
      { text: 'for a monitor', command: 'mayfly log status --json' },
    ],
  }),
]
