import { Ceilings } from '#core/account/ceilings.ts'
import { Lineages } from '#core/delegation/lineages.ts'
import { DpopNonces } from '#core/dpop/nonces.ts'
import type { ExchangeDeps } from '#core/exchange/exchange-deps.ts'
import { Grants } from '#core/exchange/grant.ts'
import { IssuanceFrames } from '#core/exchange/issuance-frames.ts'
import { Pins } from '#core/exchange/pins.ts'
import { IssuerTokens } from '#core/issuer-token/issuer-tokens.ts'
import { SubjectKeys } from '#core/keys/subject-keys.ts'
import { ListNames } from '#core/status-list/list-names.ts'
import { StatusPlaces } from '#core/status-list/status-places.ts'
import { AccountSubjects } from '#core/subject/account-subject.ts'
import { holdAccount } from '#db/accounts/hold-account.ts'
import { readSubjectKeys, replaceClaimHash } from '#db/accounts/read-accounts.ts'
import { readLineagesNow } from '#db/accounts/read-lineages.ts'
import { storeCeiling } from '#db/registry/ceilings.ts'
import { readCeilings } from '#db/registry/read-ceilings.ts'
import type { BrokerDeps } from './deps.ts'
import type { Trust } from './open-trust.ts'
import { createRevocationCheck } from './revocation-check.ts'

/** What an exchange needs beside what stands in `parts`: stores of what it has read, and marks of its own. */
export function createExchange(
  parts: ExchangeParts,
  { database, keyEncryption, trust }: Pick<BrokerDeps, 'database' | 'keyEncryption'> & { readonly trust: Trust },
  secret: Uint8Array,
): ExchangeDeps {
  const { db, sql } = database
  const { subjects, certificates, firstUses, verify } = trust
  return {
    ...parts,
    subjects,
    certificates,
    firstUses,
    accountSubjects: new AccountSubjects(parts.accounts, binding => holdAccount(sql, binding)),
    issuerTokens: new IssuerTokens(verify),
    isRevoked: createRevocationCheck(database),
    lineages: new Lineages(names => readLineagesNow(sql, names)),
    ceilings: new Ceilings(
      ids => readCeilings(db, ids),
      (hash, text) => storeCeiling(db, hash, text),
    ),
    grants: new Grants(),
    issuanceFrames: new IssuanceFrames(),
    statusPlaces: new StatusPlaces(new ListNames(secret)),
    subjectKeys: new SubjectKeys(keyEncryption, names => readSubjectKeys(sql, names)),
    pins: new Pins(),
    nonces: new DpopNonces(secret),
    replaceClaimHash: renewal => replaceClaimHash(sql, renewal),
  }
}

/** What others have too. */
type ExchangeParts = Pick<
  ExchangeDeps,
  'directory' | 'clock' | 'accounts' | 'rejections' | 'workChallenges' | 'quotas' | 'log' | 'checkLog' | 'failpoint'
>
