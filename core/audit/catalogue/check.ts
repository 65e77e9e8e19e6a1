// Whether an entry is what the catalogue says of its type. Nobody asks at run time, where the compiler has asked before; tests ask of
// every entry that they find in a log.

import { Compile } from 'typebox/compile'
import type { LogEntry } from '#db/log/read-entries.ts'
import { auditEventTypes, catalogue } from './catalogue.ts'
import { readEntry } from './entry.ts'

const validators = new Map<string, ReturnType<typeof Compile>>()

function validatorOf(type: keyof typeof catalogue) {
  const known = validators.get(type)
  if (known) return known
  const made = Compile(catalogue[type].facts)
  validators.set(type, made)
  return made
}

const isKnown = (type: string): type is keyof typeof catalogue => (auditEventTypes as readonly string[]).includes(type)

/** What is wrong with it, a line each; nothing: it is as it should be. A body that is gone is not looked at. */
export function findEventFaults(stored: LogEntry): string[] {
  const { leaf, facts, sealed } = readEntry(stored)
  if (!isKnown(leaf.type)) return [`${leaf.type}: not in the catalogue`]
  const row = catalogue[leaf.type]
  const say = (fault: string): string => `${leaf.type}: ${fault}`
  return [
    ...(leaf.v === row.version ? [] : [say(`version ${leaf.v}, not ${row.version}`)]),
    ...(facts === undefined ? [] : findFactFaults(leaf.type, facts).map(say)),
    ...(sealed && !('private' in row) ? [say('something is sealed, which its row does not say')] : []),
    ...(facts !== undefined && (sealed === undefined) !== (leaf.private_hash === undefined)
      ? [say('the leaf commits to what the body has not, or the other way round')]
      : []),
  ]
}

function findFactFaults(type: keyof typeof catalogue, facts: object): string[] {
  const validator = validatorOf(type)
  if (validator.Check(facts)) return []
  const known = new Set(Object.keys(catalogue[type].facts.properties))
  const strangers = Object.keys(facts).filter(name => !known.has(name))
  const faults = validator.Errors(facts).map(({ instancePath, message }) => `${instancePath || 'facts'} ${message}`)
  return [...strangers.map(name => `${name} is no fact of it`), ...faults]
}
