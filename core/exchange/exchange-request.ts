// RFC 8693 § 2.1, RFC 7523 § 2.1 and RFC 6749 § 4.4 as one typed request. Shape only: nothing is verified or looked up here.

import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { clientAssertionType } from '#core/client/verify-client-assertion.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { idJagTokenType } from '#core/id-jag/mint.ts'
import { type DelegationRequest, parseActing, parseDelegation } from './delegation-request.ts'
import type { Form } from './form.ts'

export const grantTypes = {
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  jwtBearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  clientCredentials: 'client_credentials',
} as const

const tokenType = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`
export const accessTokenType: string = tokenType('access_token')
/** The TLS client certificate itself is the subject token: base64 of its DER. As in other STS's for workloads without a JWT. */
export const certificateTokenType: string = tokenType('mtls')
const jwtTypes = [tokenType('jwt'), tokenType('id_token')]
export const subjectTokenTypes: readonly string[] = [...jwtTypes, certificateTokenType, accountCredentialTokenType]

export interface ExchangeRequest {
  readonly grant: 'token_exchange' | 'jwt_bearer' | 'client_credentials'
  /** Empty for `client`. */
  readonly subjectToken: string
  /** `client`: who authenticated as the client is the subject. `account`: who holds an account that was opened ahead. */
  readonly subjectKind: 'jwt' | 'certificate' | 'client' | 'account'
  /** What a parent account's agent got for this one: a child account is opened, by who is authenticated as the subject. */
  readonly delegationToken?: string | undefined
  /** Asked for by a parent: a token that opens a child account. */
  readonly delegation?: DelegationRequest | undefined
  readonly clientId: string | undefined
  /** RFC 7523 § 2.2: a JWT that the client signed. */
  readonly clientAssertion: string | undefined
  /** Work that was done for this request: a challenge of ours and its solution. */
  readonly work?: { readonly challenge: string; readonly solution: string } | undefined
  /** RFC 8707 URIs, or names by RFC 8693 `audience`; all must name the same one resource. */
  readonly targets: readonly string[]
  /** Where an ID-JAG is asked for: the issuer of the resource's own authorization server, RFC 8693 `audience`. */
  readonly idJagAudience: string | undefined
  readonly scope: string | undefined
  /** JSON text, still to be parsed. */
  readonly authorizationDetails: string | undefined
  readonly allowNarrowing: boolean
  readonly taskId: string | undefined
  readonly accountId: string | undefined
  readonly ttlSeconds: number | undefined
  readonly nonce: string | undefined
}

/**
 * RFC 8693 §§ 2.1, 2.2.2. Throws BrokerError: `unsupported_grant`, `unsupported_token_type`, `client_not_authenticated`,
 * `malformed_request`.
 */
export function parseExchangeRequest(form: Form): ExchangeRequest {
  const one = (name: string): string | undefined => form.get(name)?.[0]
  const grantType = one('grant_type')
  if (grantType === undefined) throw malformed('grant_type is missing.')
  refuseWhatIsNotOffered(form)
  const clientAssertion = parseClientAssertion(one)
  const brought = parseBrought(form, grantType)
  const wanted = parseWanted(form, brought.grant)
  // One literal. Put together from spreads it was mostly made in V8's old generation, which kept all that the request holds: decision 41.
  return {
    grant: brought.grant,
    subjectToken: brought.subjectToken,
    subjectKind: brought.subjectKind,
    delegationToken: brought.delegationToken,
    delegation: parseDelegation(form),
    clientId: one('client_id'),
    clientAssertion,
    work: brought.work,
    targets: wanted.targets,
    idJagAudience: wanted.idJagAudience,
    scope: one('scope'),
    authorizationDetails: one('authorization_details'),
    allowNarrowing: parseFlag('allow_narrowing', one('allow_narrowing')),
    taskId: match('task_id', one('task_id'), /^[\x21-\x7e]{1,128}$/, '1 to 128 visible ASCII characters'),
    accountId: match('account_id', one('account_id'), /^acct_[0-9a-f]{32}$/, 'an id as this broker gave it, acct_…'),
    ttlSeconds: parseTtl(one('ttl')),
    nonce: match('nonce', one('nonce'), /^[A-Za-z0-9_.~-]{8,128}$/, '8 to 128 unreserved characters'),
  }
}

type Brought = Pick<ExchangeRequest, 'grant' | 'subjectToken' | 'subjectKind' | 'delegationToken' | 'work'>

/** What the grant asks for as proof of who comes. */
function parseBrought(form: Form, grantType: string): Brought {
  const isClient = grantType === grantTypes.clientCredentials
  if (!isClient && (form.has('pow_challenge') || form.has('pow_solution')))
    throw malformed('pow_challenge and pow_solution go with client_credentials alone.')
  if (grantType === grantTypes.tokenExchange) return { grant: 'token_exchange', ...parseSubjectToken(form) }
  if (grantType === grantTypes.jwtBearer) {
    const assertion = form.get('assertion')?.[0]
    if (assertion === undefined) throw malformed('assertion is missing.')
    return { grant: 'jwt_bearer', subjectToken: assertion, subjectKind: 'jwt' }
  }
  if (!isClient) throw new BrokerError('unsupported_grant', { hint: `Offered: ${Object.values(grantTypes).join(', ')}.` })
  // Whoever brings a subject token means to be judged by it; if it is bad, it must not be passed over for the client itself.
  if (form.has('subject_token') || form.has('assertion'))
    throw malformed('client_credentials takes no subject_token and no assertion: the client itself is the subject.')
  return { grant: 'client_credentials', subjectToken: '', subjectKind: 'client', work: parseWork(form) }
}

/** Of subject token types other than JWTs. */
const subjectKinds: ReadonlyMap<string, ExchangeRequest['subjectKind']> = new Map([
  [certificateTokenType, 'certificate'],
  [accountCredentialTokenType, 'account'],
] as const)

/** Of an actor's own credential; the credential of an account that was opened ahead is nobody's own. */
const actorKindOf = (type: string): ExchangeRequest['subjectKind'] | undefined =>
  type === certificateTokenType ? 'certificate' : jwtTypes.includes(type) ? 'jwt' : undefined

function parseSubjectToken(form: Form): Pick<ExchangeRequest, 'subjectToken' | 'subjectKind' | 'delegationToken'> {
  const one = (name: string): string | undefined => form.get(name)?.[0]
  if (one('subject_token_type') === accessTokenType) return parseActing(form, actorKindOf)
  if (form.has('actor_token') || form.has('actor_token_type'))
    throw malformed('actor_token is for a delegation token as subject_token: else an agent acts for itself.')
  const subjectToken = one('subject_token')
  const type = one('subject_token_type')
  if (subjectToken === undefined) throw malformed('subject_token is missing.')
  if (type === undefined) throw malformed('subject_token_type is missing.')
  if (!subjectTokenTypes.includes(type))
    throw new BrokerError('unsupported_token_type', {
      hint: `subject_token_type must be one of ${subjectTokenTypes.join(', ')}.`,
    })
  return { subjectToken, subjectKind: subjectKinds.get(type) ?? 'jwt' }
}

/** RFC 8693 § 2.1 `requested_token_type`. For an ID-JAG `audience` is no name of the resource but of its authorization server. */
function parseWanted(form: Form, grant: ExchangeRequest['grant']): Pick<ExchangeRequest, 'targets' | 'idJagAudience'> {
  const resources = form.get('resource') ?? []
  const audiences = form.get('audience') ?? []
  const [requested] = (grant === 'token_exchange' && form.get('requested_token_type')) || []
  if (requested === undefined || requested === accessTokenType || requested === tokenType('jwt'))
    return { targets: [...resources, ...audiences], idJagAudience: undefined }
  if (requested !== idJagTokenType)
    throw new BrokerError('unsupported_token_type', {
      hint: `requested_token_type can only be ${accessTokenType} or ${idJagTokenType}.`,
    })
  const [audience, ...others] = audiences
  if (audience === undefined || others.length > 0)
    throw malformed('audience must name one authorization server: that of the resource which the ID-JAG is for.')
  return { targets: resources, idJagAudience: audience }
}

/** What would authenticate, narrow or delegate, and is not evaluated, must not be passed over in silence. */
function refuseWhatIsNotOffered(form: Form): void {
  // RFC 6749 § 5.2: an authentication method that is not supported is `invalid_client`.
  refuseSecret(form)
  if (form.get('grant_type')?.[0] !== grantTypes.tokenExchange && (form.has('actor_token') || form.has('actor_token_type')))
    throw malformed('actor_token is for token exchange, beside a delegation token.')
  if (form.has('intent')) throw malformed('intent is not accepted here: name the permissions themselves.')
  for (const name of ['act', 'cnf']) if (form.has(name)) throw malformed(`${name} cannot be asked for: the broker states it.`)
}

/** Throws BrokerError `client_not_authenticated`. */
export function refuseSecret(form: Form): void {
  if (form.has('client_secret'))
    throw new BrokerError('client_not_authenticated', { hint: 'client_secret is not used here: agents prove a key.' })
}

/** RFC 7523 § 2.2. Throws BrokerError `client_not_authenticated`. */
export function parseClientAssertion(one: (name: string) => string | undefined): string | undefined {
  const [assertion, type] = [one('client_assertion'), one('client_assertion_type')]
  if (assertion === undefined && type === undefined) return undefined
  if (type !== clientAssertionType)
    throw new BrokerError('client_not_authenticated', { hint: `client_assertion_type must be ${clientAssertionType}.` })
  if (assertion === undefined) throw new BrokerError('client_not_authenticated', { hint: 'client_assertion is missing.' })
  return assertion
}

function match(name: string, value: string | undefined, pattern: RegExp, words: string): string | undefined {
  if (value !== undefined && !pattern.test(value)) throw malformed(`${name} must be ${words}.`)
  return value
}

function parseWork(form: Form): ExchangeRequest['work'] {
  const challenge = match('pow_challenge', form.get('pow_challenge')?.[0], /^[A-Za-z0-9_-]{43}$/, 'a challenge of this broker')
  const solution = match('pow_solution', form.get('pow_solution')?.[0], /^[A-Za-z0-9_-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ -')
  if (challenge === undefined && solution === undefined) return undefined
  if (challenge === undefined || solution === undefined) throw malformed('pow_challenge and pow_solution go together.')
  return { challenge, solution }
}

function parseTtl(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9][0-9]{0,5}$/.test(value)) throw malformed('ttl must be a number of seconds from 1 to 999999.')
  return Number(value)
}

function parseFlag(name: string, value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw malformed(`${name} must be true or false.`)
}

const malformed = (hint: string): BrokerError => new BrokerError('malformed_request', { hint })
