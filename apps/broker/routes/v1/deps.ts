import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { LogStreams } from '#core/audit/stream/log-streams.ts'
import type { AttachDeps } from '#core/connector/attach.ts'
import type { Rejections } from '#core/exchange/rejections.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { Limits } from '#core/quota/limits.ts'
import type { JwksStore } from '#core/subject/jwks-store.ts'
import type { Clock } from '#core/time/clock.ts'
import type { UnscopedDb } from '#db/unscoped-db.ts'
import type { Cursors } from '../../http/cursor.ts'
import type { SealedLogs } from '../../sealed-logs.ts'
import type { AccountApiDeps } from './account-reads.ts'
import type { Operations } from './operation.ts'

/** What the management API is given. */
export interface ManagementDeps {
  readonly db: UnscopedDb
  /** On the database's time. */
  readonly clock: Clock
  /** The public URL, without a slash at its end; the issuer of the first tenant. */
  readonly baseUrl: string
  readonly keyEncryption: KeyEncryption
  /** `MAYFLY_SIGNING_KEY_DAYS`; 90 when nothing is said. */
  readonly signingKeyDays?: number | undefined
  readonly cursors: Cursors
  /** Of every tenant that nobody has said anything of; `standardLimits` when nothing is said. */
  readonly limits?: Limits | undefined
  /** Keys of sign-in providers. */
  readonly jwks: JwksStore
  readonly rejections: Rejections
  /** Those who follow the log. */
  readonly logStreams: LogStreams
  /** The log as far as it is sealed. */
  readonly logs: SealedLogs
  readonly accounts: AccountApiDeps
  readonly attachments: AttachDeps
  /** Whose failures they are (`Peers`). */
  readonly addressOf: (request: IncomingMessage) => string
}

export interface V1Deps extends ManagementDeps {
  readonly operations: Operations
}

/** The application as `/v1` routes see it: handlers have the types of their schemas. */
export type V1App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>
