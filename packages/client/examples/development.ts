// Who the examples are: the agent of `npm start`, as .mayfly/dev.json describes it. Elsewhere these are your own files and addresses.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createMayflyClient } from '@mayfly/client'

const dev = JSON.parse(readFileSync('.mayfly/dev.json', 'utf8'))

export const orders: string = dev.resource

export const client = createMayflyClient({
  issuer: dev.issuer,
  ca: readFileSync(dev.caFile),
  certificate: { cert: readFileSync(dev.agent.certFile), key: readFileSync(dev.agent.keyFile) },
  subjectToken: () => execFileSync('sh', ['-c', dev.agent.subjectTokenCommand], { encoding: 'utf8' }),
})
