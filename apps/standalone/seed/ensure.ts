// Registering what must be there: made when missing, replaced when different, left alone when it is as it should be. So a
// start repeats it without a trace in the log, and a changed port is taken up.

import type { OperatorClient, Registered } from './operator-client.ts'

/** A body for `/v1`, written in the normal form in which the broker gives it back. */
export type Wanted = Readonly<Record<string, unknown>> & { readonly name: string }

/** Trust sources and agents are known by name. */
export async function ensureNamed(client: OperatorClient, path: string, wanted: Wanted): Promise<Registered> {
  const found = (await client.list(path)).find(item => item['name'] === wanted.name)
  return ensureOne(client, path, found, wanted)
}

/** A resource's URI cannot change, so one of the same name at another address is an old one, and goes. */
export async function ensureResource(client: OperatorClient, wanted: Wanted & { readonly uri: string }): Promise<Registered> {
  const path = '/v1/resources'
  const known = await client.list(path)
  for (const old of known.filter(item => item['name'] === wanted.name && item['uri'] !== wanted.uri))
    await client.call('DELETE', `${path}/${old.id}`)
  return ensureOne(
    client,
    path,
    known.find(item => item['uri'] === wanted.uri),
    wanted,
  )
}

async function ensureOne(
  client: OperatorClient,
  path: string,
  found: Registered | undefined,
  wanted: Wanted,
): Promise<Registered> {
  if (!found) return client.call<Registered>('POST', path, wanted)
  return holds(found, wanted) ? found : client.call<Registered>('PUT', `${path}/${found.id}`, wanted)
}

/** Whether everything wanted is there; members beyond it are the broker's own. Lists must be equal. */
export function holds(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(found) && found.length === wanted.length && wanted.every((item, i) => holds(found[i], item))
  if (typeof wanted !== 'object' || wanted === null) return found === wanted
  if (typeof found !== 'object' || found === null) return false
  return Object.entries(wanted).every(([name, value]) => holds((found as Record<string, unknown>)[name], value))
}
