// A receiver of Security Event Tokens that are pushed.

import { type Reply, startLoopbackReceiver } from './loopback-receiver.ts'

export interface ReceivedSet {
  readonly headers: Readonly<Record<string, string>>
  readonly jwt: string
  readonly header: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly claims: any
}

export interface SetReceiver {
  readonly url: string
  readonly caPem: string
  /** In the order in which they came, the refused ones too. */
  readonly sets: ReceivedSet[]
  /** What it answers from now on; a promise is an answer that takes long. */
  answer: (set: ReceivedSet) => Reply | Promise<Reply>
  close(): Promise<void>
}

const decode = (part: string | undefined) => JSON.parse(Buffer.from(part ?? '', 'base64url').toString() || '{}')

export async function startSetReceiver(): Promise<SetReceiver> {
  const { origin, caPem, close } = await startLoopbackReceiver(({ headers, text: jwt }) => {
    const [header, claims] = jwt.split('.')
    const set = { headers, jwt, header: decode(header), claims: decode(claims) }
    receiver.sets.push(set)
    return receiver.answer(set)
  })
  const receiver: SetReceiver = { url: `${origin}/events`, caPem, sets: [], answer: () => ({ status: 202 }), close }
  return receiver
}
