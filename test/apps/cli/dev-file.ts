import { mkdirSync } from 'node:fs'
import { resourceUri } from '#test/setup/running-broker.ts'
import type { BrokerInUse } from '#test/setup/use-broker.ts'
import type { Person } from './use-cli.ts'

/** `.mayfly/dev.json` in the person's home, as `npm start` writes it, for the running broker and its agent with a certificate. */
export function writeDevFile(broker: BrokerInUse, person: Person, changes: Readonly<Record<string, unknown>> = {}): string {
  const { running } = broker
  mkdirSync(`${person.home}/.mayfly`, { recursive: true })
  const content = {
    issuer: running.issuer,
    publicUrl: running.issuer,
    caFile: person.file('ca.pem', running.ca.certificatePem),
    operatorToken: running.operatorToken,
    agent: {
      certFile: person.file('agent.pem', running.certificate.chainPem),
      keyFile: person.file('agent.key', running.certificate.keyPem),
      subjectTokenCommand: `cat '${person.file('workload-token', running.mint({ runId: 'run-dev' }))}'`,
    },
    resource: resourceUri,
    ...changes,
  }
  return person.file('.mayfly/dev.json', JSON.stringify(content))
}
