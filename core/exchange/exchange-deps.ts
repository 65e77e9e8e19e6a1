import type { AccountStore } from '#core/account/account-store.ts'
import type { Ceilings } from '#core/account/ceilings.ts'
import type { Challenges } from '#core/anonymous/challenges.ts'
import type { Failpoint } from '#core/audit/failpoint.ts'
import type { GroupCommit } from '#core/audit/group-commit.ts'
import type { Lineages } from '#core/delegation/lineages.ts'
import type { DpopNonces } from '#core/dpop/nonces.ts'
import type { IssuerTokens } from '#core/issuer-token/issuer-tokens.ts'
import type { SubjectKeys } from '#core/keys/subject-keys.ts'
import type { Quotas } from '#core/quota/quotas.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import type { FirstUses } from '#core/replay/first-uses.ts'
import type { StatusPlaces } from '#core/status-list/status-places.ts'
import type { AccountSubjects } from '#core/subject/account-subject.ts'
import type { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import type { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import type { Clock } from '#core/time/clock.ts'
import type { ClaimRenewal } from '#db/accounts/read-accounts.ts'
import type { RevocableToken } from '#db/revocation/find-revoked.ts'
import type { Grants } from './grant.ts'
import type { IssuanceFrames } from './issuance-frames.ts'
import type { Pins } from './pins.ts'
import type { Rejections } from './rejections.ts'

/** What the exchange stands on; wired in `apps/broker/deps.ts`. */
export interface ExchangeDeps {
  readonly directory: Pick<TenantDirectory, 'refresh'>
  readonly clock: Clock
  readonly subjects: SubjectAuthenticator
  readonly certificates: CertificateSubjects
  /** Holders of accounts that were opened ahead. */
  readonly accountSubjects: AccountSubjects
  /** Tokens that the tenant made for itself: who brings one opens a child account. */
  readonly issuerTokens: IssuerTokens
  /** Whether a tenant's feed has revoked such a token. Throws BrokerError `log_unavailable`. */
  readonly isRevoked: (tenantId: string, token: RevocableToken) => Promise<boolean>
  readonly accounts: AccountStore
  readonly ceilings: Ceilings
  /** Of child accounts. */
  readonly lineages: Lineages
  readonly grants: Grants
  readonly issuanceFrames: IssuanceFrames
  readonly statusPlaces: Pick<StatusPlaces, 'draw'>
  readonly subjectKeys: SubjectKeys
  readonly pins: Pins
  readonly firstUses: FirstUses
  /** Of DPoP proofs. */
  readonly nonces: DpopNonces
  /** Work for strangers. */
  readonly workChallenges: Pick<Challenges, 'read'>
  readonly rejections: Rejections
  readonly quotas: Pick<Quotas, 'take' | 'giveBack' | 'carve' | 'limitsOf' | 'scopeOfAddress' | 'standings'>
  readonly log: Pick<GroupCommit, 'append'>
  /**
   * Throws BrokerError `log_unavailable` while nothing may be issued because the log is not sealed, or is not the one of before; left out:
   * whoever asks may have it.
   */
  readonly checkLog?: (() => void) | undefined
  readonly replaceClaimHash: (renewal: ClaimRenewal) => Promise<boolean>
  /** Tests only. */
  readonly failpoint?: Failpoint | undefined
}
