import { OutboundRefusal } from './outbound.ts'

/** Why there was no answer to a call: the address is one that is never asked, it took too long, or nobody is there. */
export function failureOfCall(error: unknown): 'address_refused' | 'timeout' | 'unreachable' {
  if (error instanceof OutboundRefusal) return 'address_refused'
  return error instanceof Error && /timeout/i.test(error.name) ? 'timeout' : 'unreachable'
}
