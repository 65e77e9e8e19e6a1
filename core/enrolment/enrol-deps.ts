import type { GroupCommit } from '#core/audit/group-commit.ts'
import type { Rejections } from '#core/exchange/rejections.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import type { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import type { Clock } from '#core/time/clock.ts'
import { findPresentedJoinTokens, type PresentedJoinToken } from '#db/enrolment/join-tokens.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import { CaSigners } from './ca-signers.ts'
import type { CaDeps } from './ensure-ca.ts'

/** What the broker has anyway. */
export interface EnrolParts extends CaDeps {
  readonly db: UnscopedDb
  readonly directory: Pick<TenantDirectory, 'refresh'>
  readonly clock: Clock
  readonly log: Pick<GroupCommit, 'append'>
  readonly rejections: Rejections
  readonly subjects: SubjectAuthenticator
  readonly certificates: CertificateSubjects
}

export interface EnrolDeps extends EnrolParts {
  readonly signers: CaSigners
  /** By hex of the token's hash. Anyone can invent tokens of the right form: one look-up is under way at a time. */
  readonly joinTokens: BatchLoader<string, PresentedJoinToken>
}

export function createEnrolDeps(parts: EnrolParts): EnrolDeps {
  return {
    ...parts,
    signers: new CaSigners(parts.db, parts.keyEncryption),
    joinTokens: new BatchLoader(hashes => findPresentedJoinTokens(parts.db, hashes)),
  }
}
