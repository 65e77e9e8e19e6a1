import type { ParsedJwt } from '#core/jwt/parse-compact.ts'
import type { RevocableToken } from '#db/revocation/find-revoked.ts'

/** Longer chains than any policy allows are no tokens of ours. */
const mostActors = 16

/**
 * What the feed may be about, of a token that one of the tenant's keys signed; undefined where a claim is missing that every token of
 * ours has: then nobody can tell whether it is revoked, and it must not pass for good.
 */
export function readRevocable({ header, payload }: Pick<ParsedJwt, 'header' | 'payload'>): RevocableToken | undefined {
  const { kid } = header
  const { iss, jti, account_id, sub, txn, gen, cfg, client_id } = payload
  const actors = readActors(payload['act'])
  const texts = [kid, iss, jti, account_id, sub, txn, client_id]
  if (!texts.every(text => typeof text === 'string') || !Number.isSafeInteger(gen) || !Number.isSafeInteger(cfg) || !actors)
    return undefined
  const [keyId, issuer, tokenId, accountId, rootId, transaction, clientId] = texts as [
    ...[string, string, string, string],
    ...[string, string, string],
  ]
  return {
    issuer,
    kid: keyId,
    tokenId,
    accountId,
    rootId,
    transaction,
    generation: gen as number,
    configEpoch: cfg as number,
    agents: [...new Set([clientId, ...actors])],
  }
}

/** Every `sub` of the chain, outermost first. RFC 8693 § 4.1. */
function readActors(act: unknown): string[] | undefined {
  const actors: string[] = []
  for (let at = act; at !== undefined; ) {
    if (typeof at !== 'object' || at === null || actors.length === mostActors) return undefined
    const { sub, act: next } = at as { readonly sub?: unknown; readonly act?: unknown }
    if (typeof sub !== 'string') return undefined
    actors.push(sub)
    at = next
  }
  return actors
}
