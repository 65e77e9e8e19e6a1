// What has to be done so that the broker has what the file says. Reads, and changes nothing.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import { type Difference, findDifferences, keyOf } from './compare.ts'
import { type Surroundings, withDerived } from './derived.ts'
import type { FileSchema } from './file-schema.ts'
import { type ApplyKind, applyKinds, rulePath, ruleSection, type Section } from './kinds.ts'
import { branchOf, type Wanted } from './read-file.ts'

export interface Step {
  readonly action: 'create' | 'update' | 'delete'
  readonly noun: string
  readonly section: Section | typeof ruleSection
  readonly name: string
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** With names for trust sources. */
  readonly body?: unknown
  readonly differences: readonly Difference[]
}

export interface Plan {
  readonly steps: readonly Step[]
  readonly unchanged: number
  /** What the file says and cannot be had. */
  readonly warnings: readonly string[]
  /** Name → id, of the trust sources that are there. */
  readonly trustSources: ReadonlyMap<string, string>
}

export interface PlanOptions {
  readonly wanted: Wanted
  readonly schema: FileSchema
  readonly prune: boolean
  readonly me: Thing
}

/** Throws a CliError where something cannot be read, or a name is not known. */
export async function makePlan(broker: Broker, { wanted, schema, prune, me }: PlanOptions): Promise<Plan> {
  const there = await readThere(broker, wanted)
  const trustSources = new Map(there.trust_sources.map(thing => [String(thing['name']), String(thing['id'])]))
  checkNames(wanted, trustSources)
  const known = [...there.trust_sources, ...(wanted.things.trust_sources ?? [])]
  const surroundings = {
    ownIssuer: await issuerOf(broker, me),
    trustSources: new Map(known.map(thing => [String(thing['name']), thing])),
  }
  const named = namesOf(trustSources)
  const parts = applyKinds.map(kind => planKind(kind, { wanted, schema, prune, there: there[kind.section], named, surroundings }))
  const rule = await planRule(broker, wanted, me)
  return {
    steps: [
      ...inOrder(parts.filter(({ last }) => !last)),
      ...inOrder(parts.filter(({ last }) => last)),
      ...(rule === undefined || rule === 'same' ? [] : [rule]),
    ],
    unchanged: parts.reduce((sum, { unchanged }) => sum + unchanged, 0) + (rule === 'same' ? 1 : 0),
    warnings: parts.flatMap(({ warnings }) => warnings),
    trustSources,
  }
}

/** What refers to others is made after them and deleted before them. */
const inOrder = (parts: readonly { readonly steps: readonly Step[]; readonly deletions: readonly Step[] }[]): Step[] => [
  ...parts.flatMap(({ steps }) => steps),
  ...parts.toReversed().flatMap(({ deletions }) => deletions),
]

/** What is registered, of the sections in the file; trust sources whenever agents are in it. */
async function readThere(broker: Broker, { things }: Wanted): Promise<Readonly<Record<Section, readonly Thing[]>>> {
  const there: Partial<Record<Section, Thing[]>> = {}
  for (const { section, path } of applyKinds) {
    const needed = things[section] !== undefined || (section === 'trust_sources' && things.agents !== undefined)
    there[section] = needed ? await broker.everything('apply', path) : []
  }
  return there as Record<Section, Thing[]>
}

const isId = (text: string): boolean => /^src_[0-9a-f]{32}$/.test(text)

function checkNames({ things }: Wanted, there: ReadonlyMap<string, string>): void {
  const known = new Set([...there.keys(), ...(things.trust_sources ?? []).map(({ name }) => String(name))])
  const faults = (things.agents ?? []).flatMap(agent =>
    (agent['rules'] as readonly Thing[])
      .map(rule => String(rule['trust_source']))
      .filter(name => !known.has(name) && !isId(name))
      .map(name => `The agent "${agent['name']}" refers to the trust source "${name}".`),
  )
  if (faults.length === 0) return
  const next = 'Add it to trust_sources, or correct the name: mayfly trust-sources list'
  throw new CliError({ what: 'A trust source is neither in the file nor registered.', why: faults.join('\n'), next })
}

/** What an openid trust source without an audience expects. */
async function issuerOf(broker: Broker, me: Thing): Promise<string | undefined> {
  if (typeof me['tenant'] !== 'string') return undefined
  const { body } = await broker.call('apply', { method: 'GET', path: `/v1/tenants/${me['tenant']}` })
  return String(body['issuer'])
}

/** Names for the ids in an agent's rules. */
function namesOf(trustSources: ReadonlyMap<string, string>): (thing: Thing) => Thing {
  const names = new Map([...trustSources].map(([name, id]) => [id, name]))
  return thing => {
    const rules = thing['rules'] as readonly Thing[] | undefined
    if (!rules?.some(rule => 'trust_source' in rule)) return thing
    return {
      ...thing,
      rules: rules.map(rule => ({ ...rule, trust_source: names.get(String(rule['trust_source'])) ?? rule['trust_source'] })),
    }
  }
}

interface KindInput extends Omit<PlanOptions, 'me'> {
  readonly there: readonly Thing[]
  readonly named: (thing: Thing) => Thing
  readonly surroundings: Surroundings
}

function planKind(kind: ApplyKind, { wanted, schema, prune, there, named, surroundings }: KindInput) {
  const { section, noun, path, key, shown, permanent } = kind
  const list = wanted.things[section] ?? []
  const steps: Step[] = []
  const warnings: string[] = []
  for (const given of list) {
    const name = String(given[key])
    const body = named(given)
    const found = there.find(thing => thing[key] === given[key])
    if (!found) {
      steps.push({ action: 'create', noun, section, name, method: 'POST', path, body, differences: [] })
      continue
    }
    const registered = Object.fromEntries(Object.entries(named(found)).filter(([member]) => !shown.includes(member)))
    const complete = withDerived(section, body, registered, surroundings)
    const differences = findDifferences(complete, registered, schema.items[section])
    if (differences.length === 0) continue
    if (permanent)
      warnings.push(`The ${noun} ${name} is there and cannot be changed: ${differences.map(each => each.path).join(', ')}.`)
    else steps.push({ action: 'update', noun, section, name, method: 'PUT', path: `${path}/${found['id']}`, body, differences })
  }
  const surplus =
    prune && wanted.things[section] && !permanent ? there.filter(thing => !list.some(given => given[key] === thing[key])) : []
  const deletions = surplus
    // What the broker made itself is not ours to delete.
    .filter(thing => branchOf(schema.items[section], thing) !== undefined)
    .map(
      (thing): Step => ({
        action: 'delete',
        noun,
        section,
        name: String(thing[key]),
        method: 'DELETE',
        path: `${path}/${thing['id']}`,
        differences: [],
      }),
    )
  return { last: kind.last === true, steps, deletions, warnings, unchanged: list.length - steps.length - warnings.length }
}

/** The two-person rule comes last: from then on changes wait. */
async function planRule(broker: Broker, { twoPerson }: Wanted, me: Thing): Promise<Step | 'same' | undefined> {
  if (twoPerson === undefined) return undefined
  const path = rulePath.replace('{id}', String(me['tenant']))
  const { body } = await broker.call('apply', { method: 'GET', path })
  const [was, value] = [[...(body['classes'] as readonly string[])].sort(), [...twoPerson].sort()]
  if (keyOf(was) === keyOf(value)) return 'same'
  const differences = [{ path: 'classes', was, value }]
  const step = { action: 'update', noun: 'two-person rule', section: ruleSection, name: 'of the tenant', method: 'PUT' } as const
  return { ...step, path, body: { classes: twoPerson }, differences }
}
