// Everything that a fresh tenant needs before an agent can come, registered through `/v1` with the operator's token.

import { ensureNamed, ensureResource } from './ensure.ts'
import type { OperatorClient } from './operator-client.ts'
import {
  bearerAgent,
  certificateSource,
  demoAgent,
  helperAgent,
  openIdSource,
  type ResourceUris,
  resources,
  resourceUris,
  signInProvider,
} from './registrations.ts'

export interface Seeded {
  readonly uris: ResourceUris
  /** Ids on the wire, by the names of `ResourceUris`. */
  readonly resourceIds: Readonly<Record<keyof ResourceUris, string>>
  /** `agt_…` */
  readonly agentId: string
  readonly bearerAgentId: string
  readonly helperAgentId: string
  /** `idp_…` */
  readonly signInProviderId: string
}

export interface SeedInput {
  readonly issuer: string
  readonly idpIssuer: string
  readonly caPem: string
  readonly agentCaPem: string
  readonly ordersPort: number
  readonly now: Date
}

/** Harmless to call again, also with other ports. Throws StartupError when the broker refuses something. */
export async function seedTenant(client: OperatorClient, input: SeedInput): Promise<Seeded> {
  const uris = resourceUris(input.ordersPort)
  const sourcesPath = '/v1/trust-sources'
  const openId = await ensureNamed(
    client,
    sourcesPath,
    openIdSource({ issuer: input.idpIssuer, audience: input.issuer, caPem: input.caPem }),
  )
  const certificates = await ensureNamed(client, sourcesPath, certificateSource(input.agentCaPem))
  const people = await ensureNamed(
    client,
    '/v1/sign-in-providers',
    signInProvider({ issuer: input.idpIssuer, caPem: input.caPem }),
  )
  const ids = new Map<string, string>()
  for (const wanted of resources(uris)) ids.set(wanted.uri, (await ensureResource(client, wanted)).id)
  const reviewOn = nextReview(input.now)
  const agent = await ensureNamed(
    client,
    '/v1/agents',
    demoAgent({ uris, openIdSource: openId.id, certificateSource: certificates.id, reviewOn }),
  )
  const bearer = await ensureNamed(client, '/v1/agents', bearerAgent({ uris, openIdSource: openId.id, reviewOn }))
  const helper = await ensureNamed(client, '/v1/agents', helperAgent({ uris, certificateSource: certificates.id, reviewOn }))
  return {
    uris,
    resourceIds: { orders: ids.get(uris.orders)!, refunds: ids.get(uris.refunds)!, status: ids.get(uris.status)! },
    agentId: agent.id,
    bearerAgentId: bearer.id,
    helperAgentId: helper.id,
    signInProviderId: people.id,
  }
}

/** The last day of next year: it stays the same for a year, so that a start changes nothing. */
const nextReview = (now: Date): string => `${now.getUTCFullYear() + 1}-12-31`
