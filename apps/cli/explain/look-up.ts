// What the broker adds for whoever is signed in: the agent's name and owner, what scopes mean, which trust source would take a
// workload's token. Who is not signed in, or may not read it, is told without.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import { type Line, lines } from './explanation.ts'
import type { Decoded } from './jwt.ts'
import { revokedText } from './revoked.ts'

type Claims = Decoded['claims']

/** What a task token refers to, as it is registered now. */
export async function lookUpTaskToken(broker: Broker, jwt: Decoded): Promise<Line[]> {
  const { claims } = jwt
  const agent = (await findAll(broker, '/v1/agents')).find(({ id }) => id === claims['client_id'])
  const resource = (await findAll(broker, '/v1/resources')).find(({ uri }) => uri === claims['aud'])
  const held = String(claims['scope'] ?? '').split(' ')
  const scopes = ((resource?.['scopes'] ?? []) as readonly Thing[]).filter(({ name }) => held.includes(String(name)))
  return lines([
    ['REVOKED', await revokedText(broker, jwt)],
    ['Agent is', agent && agentText(agent)],
    ['API is', resource && `${resource['name']}, risk ${resource['risk_class']}`],
    ['Scopes', scopes.map(({ name, description }) => `${name}: ${description}`).join('\n')],
  ])
}

function agentText({ name, owner, review_on, suspended_at }: Thing): string {
  const suspended = typeof suspended_at === 'string' ? `\nSUSPENDED since ${suspended_at}: it gets nothing new` : ''
  return `${name}; ${owner} answers for it, to be reviewed on ${review_on}${suspended}`
}

/** The trust source that has a workload token's issuer, and what it would say to the token; undefined where it is not known. */
export async function lookUpIssuer(
  broker: Broker,
  { iss, aud }: Claims,
): Promise<{ readonly source: Thing | undefined; readonly lines: Line[] }> {
  const sources = await findAll(broker, '/v1/trust-sources')
  const source = sources.find(each => each['kind'] === 'openid' && each['issuer'] === iss)
  if (!source) return { source, lines: sources.length > 0 ? [['Trusted', 'no trust source of your tenant has this issuer']] : [] }
  const audiences = [aud ?? []].flat()
  const fits = audiences.length === 1 && audiences[0] === source['audience']
  const rules = (await findAll(broker, '/v1/agents')).flatMap(agent =>
    (agent['rules'] as readonly Thing[])
      .filter(rule => rule['trust_source'] === source['id'])
      .map(rule => `${agent['name']} where ${JSON.stringify(rule['claims'])}`),
  )
  return {
    source,
    lines: [
      ['Trusted', `by the trust source ${source['name']}`],
      [
        'As wanted',
        fits ? 'its audience is the one that the trust source wants' : `NO: the only audience must be ${source['audience']}`,
      ],
      ['Agents', rules.join('\n') || 'no agent has a rule for that trust source'],
    ],
  }
}

async function findAll(broker: Broker, path: string): Promise<readonly Thing[]> {
  try {
    return await broker.everything('explain', path)
  } catch (error) {
    if (error instanceof CliError) return []
    throw error
  }
}
