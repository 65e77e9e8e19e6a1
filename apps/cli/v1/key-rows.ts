import { type Operation, row } from './operation.ts'

/** Keys of a tenant, and the envelopes that all keys of the deployment lie in. */
export const keyRows: readonly Operation[] = [
  row('keys list', 'GET /v1/keys', "List the tenant's keys and what happens to each next", {
    answer: 'list',
    columns: ['use', 'alg', 'state', 'since', 'next_step.step', 'next_step.at', 'kid'],
    examples: [{ text: 'which one signs', command: 'mayfly keys list' }],
  }),
  row('keys rotate', 'POST /v1/keys/rotate', 'Rotate keys now instead of when they are due', {
    answer: 'thing',
    about: 'Without --now the old key stays valid until what it signed has ended: nothing is refused meanwhile.',
    flags: {
      use: { type: 'string', member: 'use', value: 'USE', required: true, choices: ['signing', 'ca'], summary: 'which keys' },
      alg: { type: 'string', member: 'alg', value: 'ALG', summary: 'only keys of this algorithm; else of each' },
      now: { type: 'boolean', member: 'now', summary: 'the old key is compromised: what it signed dies' },
    },
    asks: true,
    examples: [
      { text: 'with overlap', command: 'mayfly keys rotate --use signing' },
      { text: 'after a leak', command: 'mayfly keys rotate --use signing --now' },
    ],
  }),
  row('keys rewrap', 'POST /v1/keys/rewrap', 'Seal every stored key under the current key-encryption key', {
    answer: 'thing',
    about: 'The worker does it; keys rewrap status tells when the former key-encryption key can go.',
    examples: [{ text: 'after the key-encryption key was changed', command: 'mayfly keys rewrap' }],
  }),
  row('keys rewrap status', 'GET /v1/keys/rewrap', 'Show under which key-encryption keys the stored keys are sealed', {
    answer: 'thing',
    examples: [{ text: 'remaining: 0 when done', command: 'mayfly keys rewrap status' }],
  }),
]
