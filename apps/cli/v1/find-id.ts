// People name things by their names, the API by ids.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { PathPart } from './operation.ts'
import { operations } from './operations.ts'

const id = /^[a-z]{2,5}_[0-9a-f]{32}$/

/** The id of a thing. given: an id, or one of the members that may name it. Throws a CliError where no or two things fit. */
export async function findId(
  broker: Broker,
  doing: string,
  { argument, within, by = [] }: PathPart,
  given: string,
): Promise<string> {
  if (id.test(given)) return given
  if (!within) {
    // `streams dead-letters redeliver` has streams from `streams list` and dead letters from `streams dead-letters list`.
    const words = doing.split(' ')
    const at = words.findIndex(word => word === argument || word === `${argument}s`)
    const list = words.slice(0, Math.max(at, 0) + 1).join(' ')
    throw new UsageError({
      what: `"${given}" is no id of ${/^[aeio]/.test(argument) ? 'an' : 'a'} ${argument.replaceAll('-', ' ')}.`,
      next: `mayfly ${list} list`,
    })
  }
  const found = await findNamed(broker, doing, within, thing => by.some(member => thing[member] === given)).catch(error => {
    throw error instanceof CliError && error.failure.status === 403 ? onlyIds(argument, given) : error
  })
  if (found.length === 1) return String(found[0]!['id'])
  const noun = argument.replaceAll('-', ' ')
  throw new CliError({
    what: found.length === 0 ? `There is no ${noun} "${given}".` : `More than one ${noun} is called "${given}".`,
    why:
      found.length === 0 ? `Its id and ${by.join(' or ')} were looked at.` : found.map(thing => String(thing['id'])).join('\n'),
    next: found.length === 0 ? `mayfly ${listOf(within)} --all` : 'Give its id.',
  })
}

/** The words of the command that lists a collection: of `/v1/legal-holds` it is `audit hold list`. */
function listOf(collection: string): string {
  const list = operations.find(({ method, path }) => method === 'GET' && path === collection)
  return list?.name ?? `${collection.replace('/v1/', '')} list`
}

async function findNamed(broker: Broker, doing: string, within: string, fits: (thing: Thing) => boolean): Promise<Thing[]> {
  const found: Thing[] = []
  for await (const thing of broker.all(doing, within)) if (fits(thing)) found.push(thing)
  return found
}

/** Who may use a thing need not be allowed to see all of its kind: an orchestrator opens accounts and lists no agents. */
const onlyIds = (argument: string, given: string): CliError =>
  new CliError({
    what: `"${given}" cannot be looked up: this credential may not list what there is.`,
    next: `Give the id of the ${argument.replaceAll('-', ' ')} in place of its name; somebody who may list them tells you.`,
    status: 403,
    code: 'insufficient_scope',
  })
