// An issuer for tests: keys, tokens that are right unless a test says otherwise, and the forged ones of the attack table.

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createGuard, type Guard, type GuardOptions, type Verdict } from '../src/index.ts'
import { resourceHash } from '../src/token/resource-set.ts'

export const issuer = 'https://broker.example'
export const resource = 'https://api.example/v1'
/** 2026-11-22T00:00:00Z. */
export const nowSeconds = 1_795_305_600

export const agentCertificate = Buffer.from('the DER of the certificate of this agent')
export const thiefCertificate = Buffer.from('the DER of the certificate of another agent')
export const thumbprint = createHash('sha256').update(agentCertificate).digest('base64url')

export interface SigningKey {
  readonly kid: string
  readonly alg: 'ES256' | 'RS256'
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
}

export function newKey(kid: string, alg: SigningKey['alg'] = 'ES256'): SigningKey {
  const { privateKey, publicKey } =
    alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

export const key = newKey('k1')
export const jwks = { keys: [key.jwk] }

export const flights = {
  locations: [resource],
  methods: ['GET'],
  type: 'agent_http',
  uri_template: '/flights/{id}',
} as const

type Json = Record<string, unknown>

/** Claims that a guard accepts for GET /v1/flights/…; `undefined` removes a claim. The resource hash follows unless given. */
export function claimsWith(change: Json = {}): Json {
  const claims: Json = {
    iss: issuer,
    sub: 'acct_1',
    aud: resource,
    client_id: 'agt_1',
    account_id: 'acct_1',
    task_id: 'tsk_1',
    gen: 1,
    cfg: 1,
    jti: randomBytes(16).toString('base64url'),
    iat: nowSeconds,
    exp: nowSeconds + 300,
    authorization_details: [flights],
    act: { sub: 'agt_1', iss: issuer, sub_profile: 'ai_agent' },
    cnf: { 'x5t#S256': thumbprint },
    nonce: randomBytes(16).toString('base64url'),
    replay: 'pop',
    evt: randomBytes(32).toString('base64url'),
    txn: 'txn_1',
    delegation: { depth: 0, max_depth: 2 },
    ...change,
  }
  for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name]
  const hashed = 'resource_hash' in change ? {} : { resource_hash: hashOf(claims) }
  return { ...claims, ...hashed }
}

function hashOf(claims: Json): string {
  return resourceHash(claims as unknown as Parameters<typeof resourceHash>[0])
}

/** base64url of a text, or of the JSON of anything else. */
export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Signs a payload (an object, or text that is to stand there as it is). */
export function signToken(payload: unknown, header: Json = {}, by: SigningKey = key): string {
  const input = `${encode({ alg: by.alg, typ: 'at+jwt', kid: by.kid, ...header })}.${encode(payload)}`
  return `${input}.${signature(input, by)}`
}

export function signature(input: string, by: SigningKey): string {
  const options = by.alg === 'ES256' ? { key: by.privateKey, dsaEncoding: 'ieee-p1363' as const } : by.privateKey
  return sign('sha256', Buffer.from(input), options).toString('base64url')
}

/** A token that is right but for these claims. */
export const tokenWith = (change: Json = {}, header: Json = {}): string => signToken(claimsWith(change), header)

/** A request that a guard accepts with `tokenWith()`. */
export const requestWith = (token: string, change: object = {}) => ({
  method: 'GET',
  url: '/v1/flights/42',
  headers: { authorization: `Bearer ${token}` },
  certificate: agentCertificate as Uint8Array | string | undefined,
  ...change,
})

/** A guard that knows this issuer's key, at `nowSeconds`. */
export const guardWith = (change: Partial<GuardOptions> = {}): Guard =>
  createGuard({
    issuer,
    resource,
    jwks,
    revocation: { mode: 'none' },
    onWarning: () => {},
    clock: () => nowSeconds * 1000,
    ...change,
  })

/** What a guard of its own says of one request. */
export const verify = (token: string, request: object = {}, options: Partial<GuardOptions> = {}): Promise<Verdict> =>
  guardWith(options).verify(requestWith(token, request))

/** `allowed`, or status and reason of the refusal. */
export const reasonOf = (verdict: Verdict): string => (verdict.ok ? 'allowed' : `${verdict.status} ${verdict.reason}`)
