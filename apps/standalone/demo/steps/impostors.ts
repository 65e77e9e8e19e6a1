// What others try at `/token`: with a stolen credential, a forged certificate, somebody else's account, or a wish too many.

import { createDevCa, issueClientCertificate } from '../../dev-ca.ts'
import { demoAgentUri, httpDetail } from '../../seed/registrations.ts'
import type { Identity } from '../ask.ts'
import { expectReply } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { requestToken } from './requests.ts'

/** A refusal at `/token`: what is tried, what the caller must be told, what the log must say. */
interface Attempt {
  readonly name: string
  readonly why: string
  readonly said: string
  readonly status: number
  readonly error: string
  readonly code: string
  readonly reason: string
  request(story: Story): Promise<Omit<Parameters<typeof requestToken>[1], 'details'> & { readonly details?: readonly object[] }>
}

const attempts: readonly Attempt[] = [
  {
    name: 'stolen-token',
    why: 'A workload token alone proves nobody; this agent must prove its key.',
    said: "a stolen workload token, the thief's certificate",
    status: 401,
    error: 'invalid_client',
    code: 'client_not_authenticated',
    reason: 'key_not_proven',
    request: async story => ({
      subjectToken: story.workloadToken(story.runA),
      as: await selfMade('A CA of the thief', 'spiffe://thief.example/agent'),
    }),
  },
  {
    name: 'forged-certificate',
    why: "Names are easily copied; the chain must end in the tenant's own CA.",
    said: "the agent's own name, from a CA of the same name",
    status: 401,
    error: 'invalid_client',
    code: 'client_not_authenticated',
    reason: 'key_not_proven',
    request: async story => ({
      subjectToken: story.workloadToken(story.runA),
      as: await selfMade('Mayfly development agent CA', demoAgentUri),
    }),
  },
  {
    name: 'other-instance',
    why: 'Instances of one agent share a registration, never an account.',
    said: 'run B asks for the account of run A',
    status: 400,
    error: 'access_denied',
    code: 'access_denied',
    reason: 'not_the_opener',
    request: async story => ({
      subjectToken: story.workloadToken(story.runB),
      as: story.core.tls.agent,
      more: { task_id: story.first.taskId! },
    }),
  },
  {
    name: 'beyond-ceiling',
    why: 'Asking for more is an error, not a silent cut.',
    said: 'the agent asks for DELETE',
    status: 400,
    error: 'invalid_authorization_details',
    code: 'details_refused',
    reason: 'beyond_ceiling_details',
    request: async story => ({
      subjectToken: story.workloadToken(story.runA),
      as: story.core.tls.agent,
      details: [httpDetail(story.registered.seeded.uris.orders, 'DELETE', '/orders/{id}')],
    }),
  },
]

/** One step for each attempt. */
export const impostors: readonly Step[] = attempts.map(({ name, why, said, status, error, code, reason, request }) => ({
  name,
  why,
  async run(story) {
    const details = [httpDetail(story.registered.seeded.uris.orders, 'GET', '/orders/42')]
    const reply = await requestToken(story, { details, ...(await request(story)) })
    expectReply(reply, status, error)
    story.evidence.push({ step: name, kind: 'denied', code, reason })
    return { said: `${said} → ${status} ${error}`, facts: { status, error } }
  },
}))

/** A certificate from an authority that somebody made for himself. */
async function selfMade(commonName: string, uri: string): Promise<Identity> {
  const now = new Date()
  const { chainPem, keyPem } = await issueClientCertificate(await createDevCa({ now, commonName }), { now, uris: [uri] })
  return { certPem: chainPem, keyPem }
}
