// Something that webhooks are sent to.

import { type Reply, startLoopbackReceiver } from './loopback-receiver.ts'

export interface ReceivedCall {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Readonly<Record<string, unknown>> }
}

export interface WebhookReceiver {
  readonly url: string
  readonly caPem: string
  readonly calls: ReceivedCall[]
  /** What it answers from now on; a promise is an answer that takes long. */
  answer: (call: ReceivedCall) => Reply | Promise<Reply>
  close(): Promise<void>
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const { origin, caPem, close } = await startLoopbackReceiver(({ path, headers, text }) => {
    const call = { path, headers, text, body: JSON.parse(text) }
    receiver.calls.push(call)
    return receiver.answer(call)
  })
  const receiver: WebhookReceiver = { url: `${origin}/hook`, caPem, calls: [], answer: () => ({ status: 204 }), close }
  return receiver
}
