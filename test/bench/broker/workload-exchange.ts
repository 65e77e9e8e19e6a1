import { createHash, X509Certificate } from 'node:crypto'
import { createWorkloadTokenMinter } from '#apps/idp/workload-token.ts'
import type { BenchBroker } from './bench-broker.ts'

/**
 * What an exchange of the bench's workload begins with (RFC 8693 § 2.1): a token of its own for that run, an hour long, bound to the
 * tenant's certificate.
 */
export function workloadExchange({ trafficOptions, tenant }: BenchBroker): (runId: string) => Record<string, string> {
  const { subject } = trafficOptions
  const mint = createWorkloadTokenMinter(subject.keys)
  const thumbprint = createHash('sha256').update(new X509Certificate(tenant.certificate.certificatePem).raw).digest('base64url')
  return runId => ({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: mint({
      issuer: subject.issuer,
      sub: subject.sub,
      aud: subject.audience,
      runId,
      cnf: { 'x5t#S256': thumbprint },
      ttlSeconds: 3_600,
      nowSeconds: Math.floor(Date.now() / 1000),
    }),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
}
