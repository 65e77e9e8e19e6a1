// Workloads that enrol at a running broker.

import type { IssuedCertificate } from '#apps/standalone/dev-ca.ts'
import { type MadeRequest, makeCertificateRequest } from './certificate-requests.ts'
import type { Answer } from './registration.ts'
import type { BrokerInUse } from './use-broker.ts'

export interface Enrolling {
  /** `mfj_…` for the first tenant's pop agent, unless another is named. */
  joinToken(body?: Record<string, unknown>, agent?: string): Promise<{ readonly id: string; readonly token: string }>
  /** POST /enroll; with a certificate on the mTLS port. path: with the tenant's. */
  enrol(body: unknown, certificate?: IssuedCertificate, path?: string): Promise<Answer>
  /** Enrols by a fresh join token, with a key of its own. */
  enrolled(body?: Record<string, unknown>): Promise<{ readonly answer: Answer; readonly certificate: IssuedCertificate }>
}

/** What a TLS client presents after this answer. */
export const asCertificate = ({ body }: Answer, { keyPem }: MadeRequest): IssuedCertificate => ({
  certificatePem: body.certificate_pem,
  chainPem: body.chain_pem,
  keyPem,
})

export function useEnrolment(broker: BrokerInUse): Enrolling {
  const enrol: Enrolling['enrol'] = (body, certificate, path = '/enroll') => {
    const { publicUrl, mtlsUrl } = broker.running.config
    return broker.https.send(`${certificate ? mtlsUrl : publicUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      certificate,
    })
  }
  const joinToken: Enrolling['joinToken'] = async (body = {}, agent = broker.running.ids.agent) => {
    const answer = await broker.running.v1('POST', `/v1/agents/${agent}/join-tokens`, body)
    if (answer.status !== 201) throw new Error(`no join token: ${answer.status} ${answer.text}`)
    return answer.body
  }
  return {
    joinToken,
    enrol,
    async enrolled(body = {}) {
      const request = await makeCertificateRequest()
      const answer = await enrol({ csr: request.pem, join_token: (await joinToken()).token, ...body })
      if (answer.status !== 201) throw new Error(`not enrolled: ${answer.status} ${answer.text}`)
      return { answer, certificate: asCertificate(answer, request) }
    },
  }
}
