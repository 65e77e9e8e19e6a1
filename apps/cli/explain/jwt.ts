// A JSON Web Token taken apart, without believing any of it.

export interface Decoded {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Undefined for what is no signed JWT in compact form (RFC 7519). */
export function decodeJwt(text: string): Decoded | undefined {
  const parts = text.split('.')
  if (parts.length !== 3) return undefined
  const [header, claims] = parts.slice(0, 2).map(parsePart)
  return header && claims ? { header, claims } : undefined
}

function parsePart(part: string): Readonly<Record<string, unknown>> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What a JWT is, by its type and claims; the first row that fits. */
const kinds: readonly (readonly [string, (token: Decoded) => boolean])[] = [
  ['task token', ({ header, claims }) => /^(at|agent-task)\+jwt$/.test(textOf(header['typ'])) && 'account_id' in claims],
  ['delegation token', ({ header }) => header['typ'] === 'agent-delegation+jwt'],
  ['identity assertion (ID-JAG)', ({ header }) => header['typ'] === 'oauth-id-jag+jwt'],
  ['DPoP proof', ({ header }) => header['typ'] === 'dpop+jwt'],
  [
    'client assertion',
    ({ header, claims }) => header['typ'] === 'client-authentication+jwt' || (claims['iss'] === claims['sub'] && 'jti' in claims),
  ],
  ['verifiable credential', ({ header, claims }) => 'vc' in claims || /^vc\+(ld\+)?jwt$/.test(textOf(header['typ']))],
  ['JWT-SVID (SPIFFE)', ({ claims }) => textOf(claims['sub']).startsWith('spiffe://')],
  ['Kubernetes service account token', ({ claims }) => 'kubernetes.io' in claims],
  ['GitHub Actions token', ({ claims }) => claims['iss'] === 'https://token.actions.githubusercontent.com'],
  ['GitLab CI token', ({ claims }) => 'ci_config_ref_uri' in claims || ('project_path' in claims && 'pipeline_id' in claims)],
  ['access token', ({ header }) => header['typ'] === 'at+jwt'],
  ['ID token of a person', ({ claims }) => 'nonce' in claims || 'auth_time' in claims || 'at_hash' in claims],
]

export const kindOf = (token: Decoded): string => kinds.find(([, fits]) => fits(token))?.[0] ?? 'JSON Web Token'

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
