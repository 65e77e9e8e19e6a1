// The two sides of delegation as a token request says them (RFC 8693 §§ 1.1, 2.1, 4.4).
//
// A parent names who may act: `resource=<issuer>&may_act=agt_…`, with what the child may be granted at most and how far it may go.
// The sub-agent brings what the parent got, as subject_token, and its own credential as actor_token.

import { deepest } from '#core/delegation/depth.ts'
import type { ChildQuota } from '#core/delegation/quota.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { Form } from './form.ts'

/** What a parent asks for. */
export interface DelegationRequest {
  /** `agt_…` */
  readonly mayAct: string
  readonly maxDepth: number | undefined
  /** Longest life of the child account; seconds. */
  readonly accountTtlSeconds: number | undefined
  readonly quota: ChildQuota | undefined
}

/** Parameters that say something of a child, and so nothing without `may_act`. */
const terms = ['max_depth', 'account_ttl', 'tokens', 'spend_units'] as const

/** Undefined: no delegation is asked for. Throws BrokerError `malformed_request`. */
export function parseDelegation(form: Form): DelegationRequest | undefined {
  const mayAct = form.get('may_act')?.[0]
  if (mayAct === undefined) {
    const lost = terms.find(name => form.has(name))
    if (lost !== undefined) throw malformed(`${lost} is for a sub-agent: name it by may_act.`)
    return undefined
  }
  if (!/^agt_[0-9a-f]{32}$/.test(mayAct)) throw malformed('may_act must be the id of the sub-agent, agt_….')
  const number = (name: (typeof terms)[number], least: number, most: number): number | undefined => {
    const text = form.get(name)?.[0]
    if (text === undefined) return undefined
    const value = /^(?:0|[1-9][0-9]{0,12})$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) throw malformed(`${name} must be a number from ${least} to ${most}.`)
    return value
  }
  const tokens = number('tokens', 1, 1e12)
  const spend_units = number('spend_units', 0, 1e12)
  const quota = { ...(tokens !== undefined && { tokens }), ...(spend_units !== undefined && { spend_units }) }
  return {
    mayAct,
    maxDepth: number('max_depth', 0, deepest),
    accountTtlSeconds: number('account_ttl', 1, 90 * 86_400),
    quota: tokens === undefined && spend_units === undefined ? undefined : quota,
  }
}

export type Acting = Pick<ExchangeRequest, 'subjectToken' | 'subjectKind' | 'delegationToken'>

/**
 * A sub-agent that opens a child account: the delegation token, and who acts. Who acts is authenticated like any subject; a client
 * assertion will do in the place of an actor token. kindOf: of the credentials that an agent may have. Throws `malformed_request`.
 */
export function parseActing(form: Form, kindOf: (type: string) => ExchangeRequest['subjectKind'] | undefined): Acting {
  const one = (name: string): string | undefined => form.get(name)?.[0]
  const [delegationToken, actorToken, type] = [one('subject_token'), one('actor_token'), one('actor_token_type')]
  if (delegationToken === undefined) throw malformed('subject_token is missing.')
  if (actorToken === undefined && type === undefined && form.has('client_assertion'))
    return { delegationToken, subjectToken: '', subjectKind: 'client' }
  if (actorToken === undefined)
    throw malformed(`An access token opens a child account: send your own credential with it as actor_token. ${otherwise}`)
  if (type === undefined) throw malformed('actor_token_type is missing.')
  const subjectKind = kindOf(type)
  if (subjectKind === undefined)
    throw new BrokerError('unsupported_token_type', {
      hint: 'actor_token_type must be a type that your own credential has as a subject token.',
    })
  return { delegationToken, subjectToken: actorToken, subjectKind }
}

const otherwise =
  'For yourself present it as subject_token, of type urn:ietf:params:oauth:token-type:jwt or as the metadata says.'

const malformed = (hint: string): BrokerError => new BrokerError('malformed_request', { hint })
