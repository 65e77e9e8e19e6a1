// The provider as a process of its own, for compose. The standalone mode runs it inside its own process instead.

import { readConfig } from './config.ts'
import { createIdp } from './create-idp.ts'
import { loadOrCreateIdpKeys, saveIdpIssuer } from './idp-state.ts'

async function main(): Promise<void> {
  const { stateDir, ...config } = readConfig()
  const { issuer, ...rest } = config
  const idp = createIdp({ ...rest, ...(issuer && { issuer }), keys: await loadOrCreateIdpKeys(stateDir) })
  await saveIdpIssuer(stateDir, await idp.listen())
  console.log(`Development identity provider: ${idp.issuer}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void idp.close())
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
