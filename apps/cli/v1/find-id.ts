// People name things by their names, the API by ids.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { PathPart } from './operation.ts'

const id = /^[a-z]{2,5}_[0-9a-f]{32}$/

/** The id of a thing. given: an id, or one of the members that may name it. Throws a CliError where no or two things fit. */
export async function findId(
  broker: Broker,
  doing: string,
  { argument, within, by = [] }: PathPart,
  given: string,
): Promise<string> {
  if (id.test(given)) return given
  if (!within) throw new UsageError({ what: `"${given}" is no id of a ${argument}.`, next: `mayfly ${doing.split(' ')[0]} list` })
  const found: Thing[] = []
  for await (const thing of broker.all(doing, within)) {
    if (by.some(member => thing[member] === given)) found.push(thing)
  }
  if (found.length === 1) return String(found[0]!['id'])
  const noun = argument.replaceAll('-', ' ')
  throw new CliError({
    what: found.length === 0 ? `There is no ${noun} "${given}".` : `More than one ${noun} is called "${given}".`,
    why:
      found.length === 0 ? `Its id and ${by.join(' or ')} were looked at.` : found.map(thing => String(thing['id'])).join('\n'),
    next: found.length === 0 ? `mayfly ${within.replace('/v1/', '')} list --all` : 'Give its id.',
  })
}
