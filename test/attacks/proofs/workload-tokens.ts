// Proofs that somebody else signs: OpenID issuers, CI systems, clusters, SPIFFE trust domains, a company's identity provider.

import { githubClaims, gitlabClaims, kubernetesClaims } from '#test/apps/broker/proofs/ci-issuers.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { thumbprintOf } from '#test/setup/openssl-like-certificate.ts'
import type { Place } from './place.ts'
import type { Proof, Registered, Told } from './proof.ts'

const tokenForm = (subject_token: string) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  subject_token,
})
const uri = 'spiffe://matrix.example/workload'
const authority = (place: Place): Promise<string> =>
  place.source('authority', { kind: 'x509_ca', anchors_pem: [place.ca.certificatePem] })
const standard = (place: Place, { audience, claims }: Told) => ({ aud: audience ?? place.issuer, ...claims })

/** How the token and the agent's key belong together. */
const workload = (name: string, sub: string, key: 'certificate' | 'cnf' | 'none'): Proof => ({
  name,
  bound: key === 'none' ? undefined : 'x5t#S256',
  addressed: true,
  async register(place) {
    const { id, issuer } = await place.openid('workloads')
    const ownCertificate = { trust_source: await authority(place), san_uri: `${uri}/${sub}` }
    const rules = [{ trust_source: id, claims: { sub } }, ...(key === 'certificate' ? [ownCertificate] : [])]
    const clientId = await place.agent(name, rules, { binding: key === 'none' ? 'bearer' : 'pop' })
    const certificate = key === 'none' ? undefined : await place.certify(`${uri}/${sub}`)
    const cnf = key === 'cnf' && { cnf: { 'x5t#S256': thumbprintOf(certificate!) } }
    return {
      clientId,
      make: async (told = {}) => ({
        form: tokenForm(await place.sign({ iss: issuer, sub, ...cnf, ...standard(place, told) })),
        ...(certificate && { certificate }),
      }),
    }
  },
})

const preset = (name: 'github' | 'gitlab' | 'kubernetes', rule: object, run: Readonly<Record<string, unknown>>): Proof => ({
  name: `${name}, by preset`,
  bound: undefined,
  addressed: true,
  async register(place) {
    const { id, issuer } = await place.openid(name, { preset: name })
    const clientId = await place.agent(name, [{ trust_source: id, claims: rule }], { binding: 'bearer' })
    return {
      clientId,
      make: async (told = {}) => ({ form: tokenForm(await place.sign({ iss: issuer, ...run, ...standard(place, told) })) }),
    }
  },
})

const jwtSvid = (name: string, path: string, bound: boolean): Proof => ({
  name,
  bound: bound ? 'x5t#S256' : undefined,
  addressed: true,
  async register(place) {
    const sub = `spiffe://tokens.example/${path}`
    const bundle = makeBundle([], { jwtKeys: [place.jwk] })
    const source = await place.source('tokens', { kind: 'spiffe', trust_domain: 'tokens.example', bundle })
    const binding = bound ? 'pop' : 'bearer'
    const clientId = await place.agent(name, [{ trust_source: source, spiffe_id: sub }], { binding })
    const certificate = bound ? await place.certify(`${uri}/${path}`) : undefined
    const cnf = certificate && { cnf: { 'x5t#S256': thumbprintOf(certificate) } }
    return {
      clientId,
      make: async (told = {}) => ({
        form: tokenForm(await place.sign({ sub, ...cnf, ...standard(place, told) })),
        ...(certificate && { certificate }),
      }),
    }
  },
})

const idJag: Proof = {
  name: 'a user’s ID-JAG with the client’s certificate',
  bound: 'x5t#S256',
  addressed: true,
  once: true,
  async register(place): Promise<Registered> {
    const { id, issuer } = await place.openid('company', { id_jag: true })
    const rules = [
      { trust_source: id, claims: { iss: issuer } },
      { trust_source: await authority(place), san_uri: `${uri}/client` },
    ]
    const clientId = await place.agent('client of a company', rules)
    const certificate = await place.certify(`${uri}/client`)
    const sign = (told: Told) =>
      place.sign(
        { iss: issuer, sub: 'alice', client_id: told.clientId ?? clientId, ...standard(place, told) },
        { typ: 'oauth-id-jag+jwt' },
      )
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    return { clientId, make: async (told = {}) => ({ form: { grant_type, assertion: await sign(told) }, certificate }) }
  },
}

export const workloadTokens: readonly Proof[] = [
  workload('a workload’s JWT with the agent’s certificate', 'with-certificate', 'certificate'),
  workload('a workload’s JWT that names its key', 'with-cnf', 'cnf'),
  workload('a workload’s JWT alone', 'alone', 'none'),
  preset('github', { sub: 'repo:octo-org/octo-repo:ref:refs/heads/main', repository_owner_id: '65' }, githubClaims()),
  preset('gitlab', { sub: 'project_path:my-group/my-project:ref_type:branch:ref:main' }, gitlabClaims()),
  preset(
    'kubernetes',
    { sub: 'system:serviceaccount:agents:reporter' },
    kubernetesClaims('11111111-0000-4000-8000-000000000000'),
  ),
  jwtSvid('a JWT-SVID alone', 'alone', false),
  jwtSvid('a JWT-SVID that names its key', 'with-cnf', true),
  idJag,
]
