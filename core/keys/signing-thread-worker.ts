// The thread's side of `signing-thread.ts`. Keys come as handles to the same key in memory, never as bytes.

import type { KeyObject } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { signJws } from './sign-jws.ts'
import type { SigningOrder } from './signing-thread.ts'

let known: KeyObject[] = []

parentPort!.on('message', ({ forget, keys, keyIndexes, inputs }: SigningOrder) => {
  if (forget) known = []
  for (const { index, key } of keys) known[index] = key
  const tokens = inputs.split('\n').map((input, i) => {
    const dot = input.indexOf('.')
    return signJws(known[keyIndexes[i]!]!, input.slice(0, dot), input.slice(dot + 1))
  })
  parentPort!.postMessage(tokens.join('\n'))
})
