import type { SubjectKey } from '#core/audit/event.ts'
import type { SubjectKeys } from '#core/keys/subject-keys.ts'
import { hashList } from '#core/subject/subject.ts'
import type { Db } from '#db/connect.ts'
import { insertSubjectKey } from '#db/operators/operator-keys.ts'
import type { Principal } from './principal.ts'

/**
 * The key under which the log keeps what somebody who manages wrote in its own words. A person's is the one of its issuer and subject,
 * so that whoever is forgotten is forgotten here too. db: of the tenant. Throws BrokerError `log_unavailable`.
 */
export async function keyOfOperator(keys: SubjectKeys, db: Db, tenantId: string, actor: Principal): Promise<SubjectKey> {
  const { person, credentialId } = actor
  const subject = hashList(person ? [person.issuer, person.subject] : ['credential', credentialId])
  const key = await keys.get(tenantId, subject)
  if (key.stored || !key.row) return key
  if (await insertSubjectKey(db, key.row)) {
    key.stored = true
    return key
  }
  // Another broker was first; its key is the one.
  keys.forget(tenantId, subject)
  return keys.get(tenantId, subject)
}
