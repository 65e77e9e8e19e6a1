import type { Answer } from './registration.ts'
import type { RunningBroker } from './running-broker.ts'

const stamps = new Set(['id', 'client_id', 'created_at', 'updated_at', 'suspended_at'])

/** Reads what stands at a path under /v1, changes it and puts it back, as an operator's tool would. */
export async function changeRegistration(
  running: RunningBroker,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: the view of any kind
  change: (view: any) => Record<string, unknown>,
): Promise<Answer> {
  const { body } = await running.v1('GET', path)
  const own = Object.fromEntries(Object.entries(body).filter(([name]) => !stamps.has(name)))
  return running.v1('PUT', path, { ...own, ...change(own) })
}
