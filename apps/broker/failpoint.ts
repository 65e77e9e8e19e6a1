// Tests of kill -9 end the broker at the worst moments: `MAYFLY_FAILPOINT=after-commit:7` kills it at the seventh commit.
// Outside development it cannot be set: production mode refuses it, and so does any certificate that is not marked as made
// for development, which in turn is bound to loopback.

import { type FailpointName, failpointNames } from '#core/audit/failpoint.ts'
import { type ConnectorFailpointName, connectorFailpoints } from '#core/connector/failpoint.ts'
import { hasDevelopmentMarker } from './development-marker.ts'

type AnyFailpoint = FailpointName | ConnectorFailpointName
const names: readonly AnyFailpoint[] = [...failpointNames, ...connectorFailpoints]

export interface FailpointPlan {
  readonly name: AnyFailpoint
  /** The hit at which the process ends, from 1. */
  readonly hit: number
}

/** `name` or `name:hit`; undefined when the text is none. */
export function parseFailpoint(text: string | undefined): FailpointPlan | undefined {
  const [, word, hit = '1'] = /^([a-z-]+)(?::([1-9]\d{0,5}))?$/.exec(text ?? '') ?? []
  const name = names.find(known => known === word)
  return name === undefined ? undefined : { name, hit: Number(hit) }
}

/** Why `MAYFLY_FAILPOINT` must not stand as it does; empty when it is absent or allowed. */
export function findFailpointFault(
  text: string | undefined,
  { tls }: { readonly tls: { readonly certPem: string } },
  production: boolean,
): string[] {
  if (!text) return []
  const development = !production && tls.certPem.includes('BEGIN') && hasDevelopmentMarker(tls.certPem)
  if (!development) return ['MAYFLY_FAILPOINT ends the process on purpose and is for tests in development only. Unset it.']
  if (parseFailpoint(text) === undefined) return [`MAYFLY_FAILPOINT must be one of ${names.join(', ')}, then perhaps :n.`]
  return []
}

/** Ends this process with SIGKILL at the planned hit; undefined, and thus free of cost, when nothing is planned. */
export function createFailpoint(plan: FailpointPlan | undefined): ((name: AnyFailpoint) => void) | undefined {
  if (plan === undefined) return undefined
  let hits = 0
  const kill = (): void => void process.kill(process.pid, 'SIGKILL')
  return name => {
    if (name !== plan.name || ++hits < plan.hit) return
    // What was handed to the socket leaves in this turn of the loop; a moment later it is with the database.
    if (name === 'batch-sent') setImmediate(() => setImmediate(kill))
    else kill()
  }
}
