// What the log says of an exchange. Ids and numbers of ours are facts; what the foreign credential, the caller or the
// request said is private, and encrypted under the subject's key.

import { type PreparedEvent, prepareEvent, type SealedFacts, type SubjectKey } from '#core/audit/event.ts'
import type { VerifiedSubject } from '#core/subject/subject.ts'
import type { Attempt } from './attempt.ts'
import type { PreparedClaims } from './claims.ts'
import type { Denial } from './denial.ts'
import type { Plan } from './plan.ts'

/** What an event tells of the attempt that it came of. */
type Context = Pick<Attempt, 'snapshot' | 'input' | 'nowMs'>

export function issuedEvent(
  { snapshot, nowMs }: Context,
  subject: VerifiedSubject,
  plan: Plan,
  { claims, facts }: { readonly claims: PreparedClaims; readonly facts: SealedFacts },
): PreparedEvent {
  const { claims: claimed } = plan
  return prepareEvent(
    {
      type: 'token.issued',
      tenantId: snapshot.tenant.id,
      agentId: subject.agent.id,
      accountId: claimed.accountId,
      tokenId: claimed.tokenId,
      claimsHash: claims.hash,
      facts: {
        binding: plan.binding,
        config_epoch: snapshot.configEpoch,
        expires: claimed.expiresSeconds,
        generation: claimed.generation,
        ...(claimed.idJagAudience !== undefined && { kind: 'id_jag' }),
        ...(claimed.delegation && { kind: 'delegation', may_act: claimed.delegation.mayAct }),
        narrowed: plan.dropped.details.length + plan.dropped.scopes.length > 0,
        resource: claimed.resource.id,
        ...(claimed.resource.config.token_units && { units: claimed.resource.config.token_units }),
        trust_source: subject.trustSourceId,
      },
      private: facts,
    },
    nowMs,
  )
}

/** facts: those of the first token, which is issued with the opening; sealed once for both. */
export function openedEvent(
  { snapshot, nowMs }: Context,
  subject: VerifiedSubject,
  plan: Plan,
  facts: SealedFacts,
): PreparedEvent {
  return prepareEvent(
    {
      type: 'account.opened',
      tenantId: snapshot.tenant.id,
      agentId: subject.agent.id,
      accountId: plan.claims.accountId,
      facts: {
        ceiling: plan.opening?.account.ceilingId,
        deadline: plan.deadlineSeconds,
        ...(plan.lineage && { parent: plan.lineage.parentId, root: plan.lineage.rootId, depth: plan.lineage.depth }),
      },
      private: facts,
    },
    nowMs,
  )
}

export function deniedEvent(
  { snapshot, input, nowMs }: Context,
  subject: VerifiedSubject,
  denial: Denial,
  subjectKey: SubjectKey,
): PreparedEvent {
  const { request, address } = input
  const { targets, scope, authorizationDetails, taskId, accountId } = request
  return prepareEvent(
    {
      type: 'token.denied',
      tenantId: snapshot.tenant.id,
      agentId: subject.agent.id,
      accountId: denial.accountId,
      facts: {
        code: denial.code,
        config_epoch: snapshot.configEpoch,
        reason: denial.reason,
        trust_source: subject.trustSourceId,
      },
      private: {
        subjectKey,
        facts: {
          account_id: accountId,
          address,
          // A stranger's text is kept, but never at a length that could fill the log.
          authorization_details: authorizationDetails?.slice(0, 1024),
          issuer: subject.foreign.issuer,
          resource: targets.map(target => target.slice(0, 256)).slice(0, 4),
          scope: scope?.slice(0, 512),
          subject: subject.foreign.subject,
          task_id: taskId,
        },
      },
    },
    nowMs,
  )
}
