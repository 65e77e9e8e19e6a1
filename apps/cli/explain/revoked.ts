// Whether a task token was revoked before its time, from the revocations that name what stands in it. What is found is dead; of what is not
// found nothing is said, as a revocation of many lists only its first.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import { timeText } from './explanation.ts'
import { type Decoded, textOf } from './jwt.ts'

type Claims = Decoded['claims']

/** `2026-11-23 05:31:58Z, as a token (rev_…)`; undefined where no revocation is found, or this credential may not look for them. */
export async function revokedText(broker: Broker, jwt: Decoded): Promise<string | undefined> {
  const { jti, account_id, txn, client_id, iss } = jwt.claims
  const subjects = [jti, account_id, txn, client_id, iss, jwt.header['kid']].map(textOf).filter(subject => subject !== '')
  try {
    const found = await Promise.all([...new Set(subjects)].map(subject => findOne(broker, subject, jwt)))
    const revoked = found.find(each => each !== undefined)
    if (!revoked) return undefined
    const at = timeText(Math.floor(Date.parse(String(revoked['at'])) / 1000))
    return `${at}, ${causes[String(revoked['kind'])] ?? String(revoked['kind'])} (${revoked['id']}). Guards refuse it`
  } catch (error) {
    if (error instanceof CliError) return undefined
    throw error
  }
}

const causes: Readonly<Record<string, string>> = {
  token: 'the token itself',
  account: 'with its account',
  tree: 'with an account above it',
  agent: 'with its agent',
  trust_source: 'with the trust source that its agent comes by',
  key: 'with the key that signed it',
  tenant: 'with everything of the tenant',
}

async function findOne(broker: Broker, subject: string, jwt: Decoded): Promise<Thing | undefined> {
  const { items } = await broker.page('explain', '/v1/revocations', { subject, limit: 10 })
  for (const item of items) {
    const { body } = await broker.call('explain', { method: 'GET', path: `/v1/revocations/${item['id']}` })
    if ((body['entries'] as readonly Thing[]).some(entry => entry['subject'] === subject && isAbout(entry, jwt.claims)))
      return item
  }
  return undefined
}

/** As guards read an entry of the feed: docs/reference/feed.md. */
function isAbout({ kind, least }: Thing, { gen, cfg, sub, account_id }: Claims): boolean {
  const below = (value: unknown): boolean => least === null || typeof value !== 'number' || value < Number(least)
  if (kind === 'account') return below(gen)
  if (kind === 'tree') return account_id !== sub || below(gen)
  if (kind === 'agent' || kind === 'tenant') return below(cfg)
  return true
}
