import type { StateFolder } from '../state-folder.ts'
import type { OperatorClient } from './operator-client.ts'

/** Made anew when less than this is left. */
const marginMs = 7 * 86_400_000

interface Kept {
  readonly id: string
  readonly resource: string
  readonly token: string
}

/**
 * The secret with which a resource consumes nonces and reports decisions, kept in the state folder (0600) while it works.
 * resourceId: `res_…`.
 */
export async function keepResourceCredential(
  client: OperatorClient,
  state: StateFolder,
  name: string,
  resourceId: string,
  nowMs: number,
): Promise<string> {
  const file = `resources/${name}.json`
  const path = `/v1/resources/${resourceId}/credentials`
  const text = state.findSecret(file)
  const kept = text === undefined ? undefined : (JSON.parse(text) as Kept)
  if (kept?.resource === resourceId) {
    const found = (await client.list(path)).find(credential => credential.id === kept.id)
    if (found && Date.parse(String(found['expires_at'])) - nowMs > marginMs) return kept.token
  }
  const made = await client.call<Kept>('POST', path, { name: 'standalone' })
  state.writeSecret(file, `${JSON.stringify({ id: made.id, resource: resourceId, token: made.token })}\n`)
  return made.token
}
