import type { SignInProviderRow } from '#db/operators/sign-in-providers.ts'
import { type SignInProvider, type SignInProviderConfig, toSignInProvider } from './provider.ts'

/**
 * The provider as browsers' sign-ins meet it. Many want a client of its own for them; then ID tokens are for that client alone,
 * and those of the command line's client open no session in a browser, nor the other way round.
 */
export function consoleClientOf(row: SignInProviderRow): SignInProvider {
  const provider = toSignInProvider(row)
  const own = provider.config.console_client_id
  if (own === undefined) return provider
  const { audience: _, ...config }: SignInProviderConfig = provider.config
  return { ...provider, clientId: own, config }
}
