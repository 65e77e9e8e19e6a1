// Issuers of CI systems and clusters on loopback: HTTPS under a private CA, discovery, keys, and tokens with the claims that
// the real ones document.

import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { type CertificateAuthority, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { startPublisher } from '#test/setup/publisher.ts'

type Claims = Record<string, unknown>

export interface CiIssuer {
  readonly issuer: string
  readonly requests: string[]
  sign(claims: Claims): Promise<string>
  close(): Promise<void>
}

/** jwksPath: where its keys are, as its discovery document says. */
export async function startCiIssuer(ca: CertificateAuthority, jwksPath: string): Promise<CiIssuer> {
  const server = await startPublisher(await issueServerCertificate(ca, { hosts: ['localhost'], now: new Date() }))
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = randomUUID()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
  const discovery = { issuer: server.url, jwks_uri: `${server.url}${jwksPath}` }
  server.documents.set('/.well-known/openid-configuration', JSON.stringify(discovery))
  server.documents.set(jwksPath, JSON.stringify({ keys: [jwk] }))
  return {
    issuer: server.url,
    requests: server.requests,
    close: server.close,
    sign: claims => {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: server.url, jti: randomUUID(), iat: now, nbf: now - 5, exp: now + 300, ...claims }
      return new SignJWT(all).setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' }).sign(privateKey)
    },
  }
}

/** https://docs.github.com/actions/reference/security/oidc */
export const githubClaims = (change: Claims = {}): Claims => ({
  sub: 'repo:octo-org/octo-repo:ref:refs/heads/main',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  ref_protected: 'true',
  sha: 'f1d2d2f924e986ac86fdf7b36c94bcdf32beec15',
  repository: 'octo-org/octo-repo',
  repository_id: '74',
  repository_owner: 'octo-org',
  repository_owner_id: '65',
  repository_visibility: 'private',
  actor: 'octocat',
  actor_id: '12',
  workflow: 'nightly',
  workflow_ref: 'octo-org/octo-repo/.github/workflows/nightly.yml@refs/heads/main',
  job_workflow_ref: 'octo-org/octo-repo/.github/workflows/nightly.yml@refs/heads/main',
  event_name: 'schedule',
  base_ref: '',
  head_ref: '',
  run_id: '1000001',
  run_number: '10',
  run_attempt: '1',
  runner_environment: 'github-hosted',
  ...change,
})

/** https://docs.gitlab.com/ci/secrets/id_token_authentication */
export const gitlabClaims = (change: Claims = {}): Claims => ({
  sub: 'project_path:my-group/my-project:ref_type:branch:ref:main',
  namespace_id: '72',
  namespace_path: 'my-group',
  project_id: '20',
  project_path: 'my-group/my-project',
  user_id: '1',
  user_login: 'sample-user',
  user_email: 'sample-user@example.com',
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  runner_id: 1,
  runner_environment: 'self-hosted',
  sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
  project_visibility: 'private',
  ...change,
})

/** A projected service-account token. */
export const kubernetesClaims = (pod: string, change: Claims = {}): Claims => ({
  sub: 'system:serviceaccount:agents:reporter',
  'kubernetes.io': {
    namespace: 'agents',
    node: { name: 'node-1', uid: 'e1d2b0a5-6c0f-4a55-bb2c-5a7d5d3d0f11' },
    pod: { name: `reporter-${pod.slice(0, 5)}`, uid: pod },
    serviceaccount: { name: 'reporter', uid: '6c9e2b67-2b3a-4ad4-9d2f-8fb1a0b4ce10' },
    warnafter: Math.floor(Date.now() / 1000) + 3000,
  },
  ...change,
})
