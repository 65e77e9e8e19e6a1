import { type Explanation, lines, timeText, validityText } from './explanation.ts'
import { type Decoded, kindOf, textOf } from './jwt.ts'
import { boundText } from './task-token.ts'

/** Claims that tell one run or instance of a workload from another, and those that say whose it is. */
const tellingClaims = [
  ...['repository', 'ref', 'environment', 'job_workflow_ref', 'run_id', 'run_attempt'],
  ...['project_path', 'pipeline_id', 'job_id', 'ref_protected', 'client_id', 'azp', 'act', 'scope', 'groups'],
]

/** Any other JWT: what a trust source would see in it. */
export function explainWorkloadToken(token: Decoded, nowSeconds: number): Explanation {
  const { header, claims } = token
  const telling = tellingClaims.filter(name => name in claims).map(name => `${name}: ${valueText(claims[name])}`)
  const issued = timeText(claims['iat'])
  return {
    kind: kindOf(token),
    facts: { header, claims },
    lines: lines([
      ['Valid', validityText(claims['nbf'] ?? claims['iat'], claims['exp'], nowSeconds)],
      ['Issued', issued],
      ['Issuer', textOf(claims['iss'])],
      ['Subject', textOf(claims['sub'])],
      ['Audience', [claims['aud'] ?? []].flat().join('\n')],
      ['Bound to', 'cnf' in claims ? boundText(claims['cnf']) : undefined],
      ['Says', [...telling, ...kubernetesText(claims['kubernetes.io'])].join('\n')],
    ]),
  }
}

function kubernetesText(claim: unknown): string[] {
  if (typeof claim !== 'object' || claim === null) return []
  return Object.entries(claim).map(([name, value]) => `${name}: ${valueText(value)}`)
}

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
