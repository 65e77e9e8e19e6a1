import { createMayflyClient, type MayflyClient } from '../../../packages/client/src/index.ts'
import { UsageError } from '../cli-error.ts'
import type { Context, Options } from '../command.ts'
import type { Connection } from '../config/connection.ts'
import { readCredentials } from './credentials.ts'

export const issuerOption: Options = {
  issuer: { type: 'string', value: 'URL', summary: "the tenant's issuer; else the broker's address and the profile's tenant" },
}

/** The tenant's issuer. */
export function issuerOf({ flags }: Context, { url, tenant, source }: Connection): string {
  return (
    flags.text('issuer') ??
    (source.kind === 'development' ? source.file.issuer : tenant === undefined ? url : `${url}/t/${tenant}`)
  )
}

/** A client with what the flags name. Throws a UsageError where they contradict each other. */
export function newClient(context: Context, connection: Connection, issuer: string): MayflyClient {
  const { caPem } = connection
  try {
    return createMayflyClient({ issuer, ...(caPem !== undefined && { ca: caPem }), ...readCredentials(context, connection) })
  } catch (error) {
    // What the client has against its options names no secret.
    if (error instanceof TypeError) throw new UsageError({ what: `${error.message}.`, next: 'mayfly token --help' })
    throw error
  }
}
