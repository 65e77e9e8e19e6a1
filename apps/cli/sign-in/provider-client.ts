// Mayfly as the sign-in provider knows it: a public client. Everything between us and the provider goes over https, to the
// authorities that the broker names for it or else the system's.

import * as client from 'openid-client'
import { Agent, fetch as undiciFetch } from 'undici'
import { CliError } from '../cli-error.ts'
import type { Offer } from './offers.ts'

export interface ProviderClient {
  readonly config: client.Configuration
  close(): Promise<void>
}

/** Discovers the provider. Throws a CliError where that fails. */
export async function createProviderClient({ issuer, client_id, ca_pem }: Offer): Promise<ProviderClient> {
  const dispatcher = new Agent({ connect: { timeout: 10_000, ...(ca_pem !== undefined && { ca: ca_pem }) } })
  const customFetch = ((url: string, init: object) =>
    undiciFetch(url, { ...init, dispatcher, redirect: 'manual' })) as unknown as client.CustomFetch
  try {
    const config = await client.discovery(new URL(issuer), client_id, undefined, client.None(), {
      [client.customFetch]: customFetch,
    })
    return { config, close: () => dispatcher.destroy() }
  } catch (error) {
    await dispatcher.destroy()
    throw signInFailure(issuer, error)
  }
}

/** What the provider or the way to it had against it. Never holds codes or tokens. */
export function signInFailure(issuer: string, error: unknown): CliError {
  if (error instanceof CliError) return error
  if (error instanceof client.ResponseBodyError || error instanceof client.AuthorizationResponseError) {
    const why = `It says: ${error.error}${error.error_description ? `, ${error.error_description}` : ''}.`
    return new CliError({ what: `${issuer} did not sign you in.`, why, next: 'Try again: mayfly login' })
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const why = cause instanceof Error ? cause.message : 'The provider gave no answer that can be used.'
  return new CliError({
    what: `Signing in at ${issuer} failed.`,
    why,
    next: 'See that the provider can be reached, and try again: mayfly login',
  })
}
