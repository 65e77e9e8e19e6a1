import { newUuid } from '#core/ids/id.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { Db } from '#db/connect.ts'
import { deleteEnrolmentBy, insertEnrolment, keepEnrolment, renewEnrolment } from '#db/enrolment/enrolments.ts'
import { releaseJoinToken, useJoinToken } from '#db/enrolment/join-tokens.ts'
import { basesOf, basisOf } from './basis.ts'
import type { Enrollee } from './enrollee.ts'

export interface Claim {
  readonly snapshot: TenantSnapshot
  readonly enrollee: Enrollee
  /** End of the certificate that will be issued. */
  readonly notAfter: Date
  readonly nowMs: number
}

/**
 * Uses up what is good once, and keeps who has a certificate by what. Done before anything is signed: if the broker dies in
 * between, a join token is lost and nobody has two certificates. Of two requests with one token exactly one gets by.
 * Returns why there is no right any more.
 */
export async function claimRight(db: Db, claim: Claim): Promise<{ readonly reason: string; readonly hint: string } | undefined> {
  const { snapshot, enrollee, notAfter, nowMs } = claim
  const { agent, instance } = enrollee
  const enrolment = { id: newUuid(nowMs), tenantId: snapshot.tenant.id, agentId: agent.id, instance, notAfter }
  if (enrollee.by === 'certificate') return (await renewEnrolment(db, enrolment, basesOf(snapshot, agent))) ? undefined : ended
  if (enrollee.by === 'subject_token') {
    const { trustSourceId } = enrollee.subject
    const basis = basisOf(snapshot, agent, trustSourceId)
    if (basis === undefined) return ended
    await keepEnrolment(db, { ...enrolment, joinTokenId: null, trustSourceId, basis })
    return undefined
  }
  const { joinTokenId } = enrollee
  const used = await db.transaction().execute(async trx => {
    if (!(await useJoinToken(trx, joinTokenId))) return false
    await insertEnrolment(trx, { ...enrolment, joinTokenId, trustSourceId: null, basis: null })
    return true
  })
  return used ? undefined : lost
}

/**
 * Gives a join token back that was used up for nothing: no certificate has left, and none will. Whoever brought it may come again
 * when the log can be written.
 */
export async function releaseRight(db: Db, enrollee: Enrollee): Promise<void> {
  if (enrollee.by !== 'join_token') return
  const { joinTokenId } = enrollee
  await db.transaction().execute(async trx => {
    await releaseJoinToken(trx, joinTokenId)
    await deleteEnrolmentBy(trx, joinTokenId)
  })
}

const lost = { reason: 'join_token_used', hint: 'The join token was used, deleted or has expired meanwhile.' }
const ended = {
  reason: 'enrolment_ended',
  hint: 'This instance may not renew any more: what it enrolled by was deleted, changed, or is not allowed any more. Enrol it anew.',
}
