// The thread's side of `verifying-thread.ts`.

import { parentPort } from 'node:worker_threads'
import { type CheckSignature, createSignatureCheck } from './signature-verifier.ts'
import { type VerifyingOrder, verified } from './verifying-thread.ts'

let checks: CheckSignature[] = []

parentPort!.on('message', ({ forget, keys, keyIndexes, tokens }: VerifyingOrder) => {
  if (forget) checks = []
  for (const { index, pem, alg } of keys) checks[index] = createSignatureCheck(pem, alg)
  const answers = tokens.split('\n').map((token, i) => answer(checks[keyIndexes[i]!]!, token))
  parentPort!.postMessage(answers.join('\n'))
})

function answer(check: CheckSignature, token: string): string {
  try {
    check(token)
    return verified
  } catch {
    return 'refused'
  }
}
