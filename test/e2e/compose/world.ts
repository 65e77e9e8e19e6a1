// What the story walks through: operators' tokens, the two authorities, the agent's certificate, and how to ask for a token.

import assert from 'node:assert/strict'
import { type CertificateFiles, createPrivateCa, issueCertificate } from '#deploy/docker/setup/private-ca.ts'
import { type Answer, call } from './https.ts'
import type { Stack } from './stack.ts'

const subject = 'repo:example/reports:ref:refs/heads/main'
export const resource = 'https://orders.example/api'
const agentUri = 'spiffe://example.test/agent/reporter'

export class World {
  readonly stack: Stack
  readonly caPem: string
  platformAdmin = ''
  tenantAdmin = ''
  readonly workloadCaPem: string
  readonly certificate: CertificateFiles
  /** Same name, signed by an authority that nobody registered. */
  readonly thief: CertificateFiles

  private constructor(stack: Stack, caPem: string, workloadCaPem: string, own: CertificateFiles, thief: CertificateFiles) {
    this.stack = stack
    this.caPem = caPem
    this.workloadCaPem = workloadCaPem
    this.certificate = own
    this.thief = thief
  }

  static async create(stack: Stack, caPem: string): Promise<World> {
    const now = new Date()
    const [ca, other] = [await createPrivateCa(now), await createPrivateCa(now)]
    const subjectOf = { uri: agentUri }
    const [own, thief] = [await issueCertificate(ca, subjectOf, now, 1), await issueCertificate(other, subjectOf, now, 1)]
    return new World(stack, caPem, ca.certificatePem, own, thief)
  }

  manage(path: string, json?: unknown, bearer = this.tenantAdmin): Promise<Answer> {
    return call(this.caPem, `${this.stack.publicUrl}${path}`, { json, bearer })
  }

  async register(path: string, json: unknown): Promise<string> {
    const answer = await this.manage(path, json)
    assert.equal(answer.status, 201, `POST ${path}: ${JSON.stringify(answer.body)}`)
    return String(answer.body['id'])
  }

  /** Who may come: the small provider and a certificate authority; and what may be had. Returns the agent's id. */
  async registerAll(): Promise<string> {
    const idp = await this.register('/v1/trust-sources', {
      kind: 'openid',
      name: 'demo-idp',
      issuer: 'https://idp:8445',
      algorithms: ['ES256'],
      ca_pem: this.caPem,
    })
    const ca = await this.register('/v1/trust-sources', {
      kind: 'x509_ca',
      name: 'workload-ca',
      anchors_pem: [this.workloadCaPem],
    })
    await this.register('/v1/resources', {
      uri: resource,
      name: 'Orders API',
      scopes: [
        { name: 'orders:read', description: 'Read orders' },
        { name: 'orders:write', description: 'Change orders' },
      ],
      enforces: ['cnf'],
    })
    return this.register('/v1/agents', {
      name: 'nightly-report',
      owner: 'data platform team',
      review_on: new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10),
      rules: [
        { trust_source: idp, claims: { sub: subject } },
        { trust_source: ca, san_uri: agentUri },
      ],
      ceiling: { scope: 'orders:read' },
      settings: { instance_claims: ['run_id'] },
    })
  }

  /** A token of the provider, as a job of that run would find it in its environment. */
  workloadToken(runId: string, aud = this.stack.publicUrl): Promise<string> {
    const print = ['node', 'deploy/docker/entrypoint.ts', 'workload-token']
    return this.stack.exec('idp', ...print, '--sub', subject, '--aud', aud, '--run-id', runId)
  }

  exchange(
    subjectToken: string,
    change: { form?: Record<string, string>; certificate?: CertificateFiles } = {},
  ): Promise<Answer> {
    return call(this.caPem, `${this.stack.mtlsUrl}/token`, {
      form: {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token: subjectToken,
        resource,
        scope: 'orders:read',
        task_id: 'report-1',
        ...change.form,
      },
      ...('certificate' in change
        ? change.certificate && { certificate: change.certificate }
        : { certificate: this.certificate }),
    })
  }

  /** A token that must be had. */
  async obtain(subjectToken: string, form: Record<string, string> = {}): Promise<string> {
    const { status, body } = await this.exchange(subjectToken, { form })
    assert.equal(status, 200, JSON.stringify(body))
    return String(body['access_token'])
  }

  /** How many leaves of the log have this hash (RFC 6962 § 2.1); `evt` of a token is one. */
  async countLeaves(evt: string): Promise<number> {
    const hash = Buffer.from(evt, 'base64url').toString('hex')
    const leafHash = `encode(sha256('\\x00'::bytea || convert_to(leaf, 'UTF8')), 'hex')`
    return Number(await this.stack.query(`select count(*) from log.entry where ${leafHash} = '${hash}'`))
  }
}
