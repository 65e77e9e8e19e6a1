import type { Logger } from 'pino'
import { ownStoresOf } from '#apps/outbound/outbound.ts'
import type { ChallengeNonces } from '#core/did/challenge-nonces.ts'
import { FirstUses } from '#core/replay/first-uses.ts'
import { SubjectAuthenticator } from '#core/subject/authenticate-subject.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { JwksStore } from '#core/subject/jwks-store.ts'
import type { VerifySignature } from '#core/subject/signature-verifier.ts'
import { VerifyingThread } from '#core/subject/verifying-thread.ts'
import type { DatabaseClock } from '#core/time/database-clock.ts'
import type { TrustMaterial } from '#core/trust-material/trust-material.ts'
import type { Database } from '#db/connect.ts'
import { consumeReplays } from '#db/replay/consume.ts'
import type { BrokerConfig } from './config.ts'
import { followTrustMaterial } from './follow-trust-material.ts'
import { createIssuerFetch } from './issuer-fetch.ts'
import { createJwtProofs } from './jwt-proofs.ts'

/** What tells who somebody is: keys of those who vouch for workloads, certificates, proofs of all kinds. */
export interface Trust {
  readonly verify: VerifySignature
  readonly material: TrustMaterial
  readonly jwks: JwksStore
  readonly certificates: CertificateSubjects
  readonly subjects: SubjectAuthenticator
  readonly challenges: ChallengeNonces
  readonly firstUses: FirstUses
  /** Looks for nothing new any more. */
  stop(): void
  close(): Promise<void>
}

export function openTrust(config: BrokerConfig, database: Database, clock: DatabaseClock, logger: Logger): Trust {
  const verifying = new VerifyingThread()
  const { verify } = verifying
  const ownStores = ownStoresOf(config.databaseUrl, config.queueDatabaseUrl, config.redisUrl)
  const issuerFetch = createIssuerFetch({ allowPrivateAddresses: config.allowPrivateIssuers, ownStores })
  const { material, close: stop } = followTrustMaterial(issuerFetch.document, verify, clock, logger)
  const jwks = new JwksStore(issuerFetch, verify)
  const certificates = new CertificateSubjects(material)
  const firstUses = new FirstUses(uses => consumeReplays(database.sql, uses))
  const secret = config.keyEncryptionKey
  const { proofs, challenges } = createJwtProofs({ issuerFetch, verify, jwks, material, firstUses, secret })
  const subjects = new SubjectAuthenticator(proofs, certificates, tenantId => material.generationOf(tenantId))
  return {
    verify,
    material,
    jwks,
    certificates,
    subjects,
    challenges,
    firstUses,
    stop,
    async close() {
      await Promise.all([issuerFetch.close(), verifying.close()])
    },
  }
}
