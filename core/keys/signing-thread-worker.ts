// The thread's side of `signing-thread.ts`. Keys come as handles to the same key in memory, never as bytes.

import { type KeyObject, sign } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { SigningOrder } from './signing-thread.ts'

const known: { key: KeyObject; dsaEncoding: 'ieee-p1363' | 'der' }[] = []

parentPort!.on('message', ({ keys, keyIndexes, inputs }: SigningOrder) => {
  for (const { index, key, dsaEncoding } of keys) known[index] = { key, dsaEncoding }
  const signatures = inputs
    .split('\n')
    .map((input, i) => sign('sha256', Buffer.from(input, 'latin1'), known[keyIndexes[i]!]!).toString('base64url'))
  parentPort!.postMessage(signatures.join('\n'))
})
