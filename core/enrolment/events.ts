// What the log says of enrolment: ids, numbers and reasons of ours. An instance may be called after a person, so its SPIFFE ID
// stands there as a hash, which the registry can be held against.

import { createHash } from 'node:crypto'
import { type PreparedEvent, prepareEvent } from '#core/audit/event.ts'
import { formatId } from '#core/ids/id.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Enrollee, EnrolRefusal } from './enrollee.ts'
import type { Certificate } from './issue-certificate.ts'

interface Context {
  readonly snapshot: TenantSnapshot
  readonly nowMs: number
}

export function issuedEvent(
  { snapshot, nowMs }: Context,
  enrollee: Enrollee,
  { certificate, spiffeId, caKid }: { readonly certificate: Certificate; readonly spiffeId: string; readonly caKid: string },
): PreparedEvent {
  const facts = {
    by: enrollee.by,
    ca: caKid,
    config_epoch: snapshot.configEpoch,
    ...(enrollee.by === 'join_token' && { join_token: formatId('joinToken', enrollee.joinTokenId) }),
    not_after: Math.floor(certificate.notAfterMs / 1000),
    serial: certificate.serial,
    spiffe_id_hash: createHash('sha256').update(spiffeId).digest('base64url'),
    thumbprint: certificate.thumbprint,
    ...(enrollee.by === 'subject_token' && { trust_source: formatId('trustSource', enrollee.subject.trustSourceId) }),
  }
  return prepareEvent({ type: 'certificate.issued', tenantId: snapshot.tenant.id, agentId: enrollee.agent.id, facts }, nowMs)
}

export function refusedEvent({ snapshot, nowMs }: Context, refusal: EnrolRefusal): PreparedEvent {
  const { agent, reason, joinTokenId } = refusal
  const facts = { reason, ...(joinTokenId !== undefined && { join_token: formatId('joinToken', joinTokenId) }) }
  return prepareEvent({ type: 'enrolment.refused', tenantId: snapshot.tenant.id, agentId: agent?.id, facts }, nowMs)
}
