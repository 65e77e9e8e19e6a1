// Agents that are known by a certificate, and what they ask of each other: open, delegate, open a child, renew.

import { X509Certificate } from 'node:crypto'
import { type IssuedCertificate, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import { type Answer, resourceUri } from './registration.ts'
import type { RunningBroker } from './running-broker.ts'

export interface Workload {
  readonly clientId: string
  readonly certificate: IssuedCertificate
}

const certificateType = 'urn:ietf:params:oauth:token-type:mtls'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** The certificate as a subject or actor token. */
export const derOf = ({ certificate }: Workload): string => new X509Certificate(certificate.certificatePem).raw.toString('base64')

/** What registering needs of a broker, and what asking it needs. */
type Registry = Pick<RunningBroker, 'v1' | 'ca'> & { readonly ids: Pick<RunningBroker['ids'], 'x509'> }
type Asked = Pick<RunningBroker, 'token' | 'issuer'>

/** Registers an agent; ceiling: scope orders:read unless said otherwise. */
export async function registerWorkload(
  running: Registry,
  name: string,
  more: { readonly ceiling?: object; readonly settings?: object } = {},
): Promise<Workload> {
  const uri = `spiffe://test.example/${name}`
  const answer = await running.v1('POST', '/v1/agents', {
    name,
    owner: 'team@test.example',
    review_on: '2099-01-01',
    ceiling: { scope: 'orders:read' },
    rules: [{ trust_source: running.ids.x509, san_uri: uri }],
    ...more,
  })
  if (answer.status !== 201) throw new Error(`registration failed: ${answer.status} ${answer.text}`)
  return {
    clientId: answer.body.client_id,
    certificate: await issueClientCertificate(running.ca, { uris: [uri], now: new Date() }),
  }
}

type Form = Record<string, string | undefined>

const clean = (form: Form): Record<string, string> =>
  Object.fromEntries(Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined))

export interface Exchanges {
  /** By its own certificate, for itself. */
  own(who: Workload, form: Form): Promise<Answer>
  /** A token for the account's own verbs. */
  accountToken(who: Workload, form: Form): Promise<Answer>
  /** What `who` gets for a sub-agent. */
  delegate(who: Workload, to: { readonly clientId: string }, form: Form): Promise<Answer>
  /** `who` opens a child account with it. */
  openChild(who: Workload, delegationToken: string, form?: Form): Promise<Answer>
}

/** As a client does that is told to come back: a machine with much else to do answers 503 now and then. */
async function again(ask: () => Promise<Answer>): Promise<Answer> {
  for (let left = 5; ; left--) {
    const answer = await ask()
    if (answer.status !== 503 || left === 0) return answer
  }
}

export function exchangesOf(running: Asked): Exchanges {
  const token = (form: Form, { certificate }: Workload) => again(() => running.token(clean(form), certificate))
  const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const own: Exchanges['own'] = (who, form) =>
    token(
      {
        grant_type,
        subject_token: derOf(who),
        subject_token_type: certificateType,
        resource: resourceUri,
        scope: 'orders:read',
        ...form,
      },
      who,
    )
  return {
    own,
    accountToken: (who, form) => own(who, { resource: running.issuer, scope: 'account', ...form }),
    delegate: (who, { clientId }, form) => own(who, { resource: running.issuer, may_act: clientId, ...form }),
    openChild: (who, delegationToken, form = {}) =>
      token(
        {
          grant_type,
          subject_token: delegationToken,
          subject_token_type: accessTokenType,
          actor_token: derOf(who),
          actor_token_type: certificateType,
          resource: resourceUri,
          scope: 'orders:read',
          ...form,
        },
        who,
      ),
  }
}

/** The answer's token; throws when there is none. */
export function tokenOf(answer: Answer): string {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`)
  return answer.body.access_token
}
