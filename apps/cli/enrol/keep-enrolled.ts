// Enrolling, and staying enrolled.
//
//   certificate that holds ──► renew with it
//   none, or it is refused or has ended ──► enrol with the token that was given, if any
//   broker away ──► try again, ever more slowly, while there is anything to try with

import type { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../config/connection.ts'
import type { Io } from '../io.ts'
import { createCertificateRequest } from './certificate-request.ts'
import { enrol, type Issued, Unavailable, type Wanted } from './enrolment-client.ts'
import type { Identity, IdentityFolder } from './identity-folder.ts'

export interface Enrolment {
  readonly connection: Connection
  readonly folder: IdentityFolder
  /** What to enrol with, read anew each time: tokens in files are replaced. undefined: nothing was given. */
  readonly token: () => Pick<Wanted, 'join_token' | 'subject_token'> | undefined
  readonly instance: string | undefined
}

export type How = 'enrolled' | 'renewed'

/** One certificate more. Throws a CliError. */
export async function obtain(io: Io, enrolment: Enrolment): Promise<{ readonly issued: Issued; readonly how: How }> {
  const { folder } = enrolment
  const identity = folder.find(io.nowMs())
  if (identity) {
    try {
      return { issued: await renew(enrolment, identity), how: 'renewed' }
    } catch (error) {
      // Refused for good. A workload token proves it anew; a join token was given for a folder that has nothing yet.
      if (error instanceof Unavailable || enrolment.token()?.subject_token === undefined) throw error
    }
  }
  return { issued: await begin(enrolment), how: 'enrolled' }
}

async function renew({ connection, folder }: Enrolment, identity: Identity): Promise<Issued> {
  const issued = await enrol(connection, { csr: await createCertificateRequest(identity.keyPem) }, identity)
  keep(folder, issued, 'renewed')
  return issued
}

async function begin({ connection, folder, token, instance }: Enrolment): Promise<Issued> {
  const proof = token()
  if (!proof) throw nothingToEnrolWith(folder)
  const csr = await createCertificateRequest(folder.keepKey())
  const issued = await enrol(connection, { csr, ...proof, ...(instance !== undefined && { instance }) })
  keep(folder, issued, 'enrolled')
  return issued
}

const keep = (folder: IdentityFolder, issued: Issued, how: How): void =>
  folder.store({ chainPem: issued.chain_pem, caPem: issued.ca_pem, state: describeIdentity(folder, issued, how) })

/** What there is now, for people and scripts. Nothing in it is secret. */
export const describeIdentity = (folder: IdentityFolder, issued: Issued, how: How) => ({
  outcome: how,
  agent: issued.agent,
  spiffe_id: issued.spiffe_id,
  not_after: issued.not_after,
  renew_after: issued.renew_after,
  key_file: folder.keyFile,
  cert_file: folder.certFile,
  ca_file: folder.caFile,
})

const nothingToEnrolWith = ({ certFile }: IdentityFolder): CliError =>
  new CliError({
    what: `${certFile} holds no certificate that is still valid.`,
    why: 'Without one, this workload must prove once more who it is.',
    next: 'Give --join-token-file or --subject-token-file. A join token: mayfly agents join-tokens create AGENT',
  })

/** Half of its life, when nobody said otherwise. Milliseconds since the epoch. */
export const halfLifeOf = ({ validFrom, validTo }: X509Certificate): number => (Date.parse(validFrom) + Date.parse(validTo)) / 2

/**
 * How long from now on. It is renewed at half of its life, so as long as it has left then; taken from the broker's two times
 * alone, so that a clock of ours that is wrong neither hurries nor forgets.
 */
const untilRenewal = ({ not_after, renew_after }: Issued): number =>
  Math.max(Date.parse(not_after) - Date.parse(renew_after), leastIntervalMs)

const leastIntervalMs = 10_000
const firstRetryMs = 1_000
const lastRetryMs = 60_000
/** A machine that slept must notice soon that it has grown late. */
const longestSleepMs = 30_000

export interface Watcher {
  readonly onIssued: (issued: Issued, how: How) => void
  /** The broker is away, or busy. */
  readonly onUnavailable: (error: Unavailable, againInMs: number) => void
}

/** Renews until the signal comes. Throws a CliError once nothing is left to prove this workload with. */
export async function stayEnrolled(io: Io, enrolment: Enrolment, watcher: Watcher): Promise<void> {
  const held = enrolment.folder.find(io.nowMs())
  let dueMs = held ? halfLifeOf(held.certificate) : 0
  let retryMs = firstRetryMs
  while (await isReached(io, dueMs)) {
    try {
      const { issued, how } = await obtain(io, enrolment)
      watcher.onIssued(issued, how)
      dueMs = io.nowMs() + untilRenewal(issued)
      retryMs = firstRetryMs
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      // Spread, so that a thousand of them do not come back at one moment.
      const againInMs = Math.max(error.retryAfterMs, retryMs * (0.75 + Math.random() / 2))
      watcher.onUnavailable(error, againInMs)
      dueMs = io.nowMs() + againInMs
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    }
  }
}

/** Waits for the moment on the wall clock; false when the signal came first. */
async function isReached(io: Io, atMs: number): Promise<boolean> {
  while (!io.signal.aborted) {
    const leftMs = atMs - io.nowMs()
    if (leftMs <= 0) return true
    await sleep(Math.min(leftMs, longestSleepMs), undefined, { signal: io.signal }).catch(() => {})
  }
  return false
}
