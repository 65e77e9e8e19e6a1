// docs/events.md, made of the catalogue. A test holds the two together: `npm run events:generate` writes the page anew.

import type { TSchema } from 'typebox'
import { eventGroups } from './catalogue.ts'
import type { EventType, Place } from './event-type.ts'
import { actor } from './fields.ts'

const head = `# Events of the audit log

Every type of event that the log can hold. Made of [the catalogue](../core/audit/catalogue/catalogue.ts) by
\`npm run events:generate\`; what is recorded cannot differ from it, because it does not compile, and the tests hold every
entry that they write against it.

An entry has three parts ([why](decisions/0002-leaf-body-private.md)):

- the **leaf**, which is hashed and stays for ever: \`id\`, \`time\` (milliseconds), \`type\`, \`v\` (the version below), the ids \`tenant\`, \`agent\`,
  \`account\`, \`token\` where they apply, \`salt\`, \`body_hash\`, \`claims_hash\` for a token, \`private_hash\` for what is sealed;
- the **facts** in the body: our own words, random ids and numbers. The body stays as long as its retention class says:
  **security** longest, **standard**, **short**;
- what is **sealed** in the body, under a key of the person or workload that it is about. Whoever is forgotten has it no more; no proof breaks.

Five parties answer *who, by whom, on what proof, by which rules, why*: subject, actors, proof, policy (\`config_epoch\`: the number of the
tenant's configuration), decision. Each row says where they stand. **allow**, **deny** and **defer** mark decisions.
The last column is what a SIEM gets: class and activity of [OCSF](https://schema.ocsf.io) 1.6.0.

## Who did it

What an operator did names the operator: \`actor\` (\`crd_…\`, the credential), \`actor_role\`, \`actor_person\` (\`psn_…\`, absent for a token that
nobody made who had signed in). Where a second person had to let it pass: \`change\` (\`chg_…\`), \`approved_by\`, \`approved_by_person\`.

## All types
`

/** Markdown. */
export function eventsPage(): string {
  const parts = eventGroups.map(([title, events]) => `## ${title}\n\n${Object.entries(events).map(section).join('\n')}`)
  return `${head}\n${contents()}\n${parts.join('\n')}`
}

function contents(): string {
  const rows = eventGroups.flatMap(([, events]) =>
    Object.entries(events as Readonly<Record<string, EventType>>).map(([type, row]) => {
      const { class: classUid, activity } = row.ocsf
      return `| [\`${type}\`](#${type.replaceAll('.', '')}) | ${row.about} | ${row.decision ?? ''} | ${row.retention} | ${classUid}:${activity} |`
    }),
  )
  return `| type | | decision | kept | OCSF |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

function section([type, row]: [string, EventType]): string {
  const facts = factRows(row)
  const sealed = Object.entries(row.private?.properties ?? {}).map(([name, schema]) => {
    const about = aboutOf(schema)
    return about === '' ? `\`${name}\`` : `\`${name}\` (${about})`
  })
  const parties = (Object.entries(row.parties) as [string, readonly Place[]][]).map(
    ([party, places]) => `${party} ${places.map(place => `\`${place}\``).join(', ')}`,
  )
  return [
    `### ${type}`,
    `${row.about} Version ${row.version}, kept **${row.retention}**${row.decision === undefined ? '' : `, decision **${row.decision}**`}.`,
    ...(facts.length > 0 ? [`| fact | | | |\n|---|---|---|---|\n${facts.join('\n')}`] : []),
    ...(sealed.length > 0 ? [`Sealed: ${sealed.join(', ')}.`] : []),
    ...(parties.length > 0 ? [`Parties: ${parties.join('; ')}.`] : []),
    '',
  ].join('\n\n')
}

/** Who did it is told once, at the top of the page. */
function factRows({ facts: { properties, required: always } }: EventType): string[] {
  const required = (always ?? []) as readonly string[]
  const actorNames = Object.keys(actor)
  const hasActor = actorNames.every(name => name in properties)
  const own = Object.entries(properties).filter(
    ([name]) => !hasActor || !actorNames.includes(name) || (name === 'change' && required.includes(name)),
  )
  const rows = own.map(
    ([name, schema]) => `| \`${name}\` | ${shapeOf(schema)} | ${required.includes(name) ? 'always' : ''} | ${aboutOf(schema)} |`,
  )
  return hasActor ? [`| [who did it](#who-did-it) | | ${required.includes('actor') ? 'always' : ''} | |`, ...rows] : rows
}

interface Shape extends TSchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly pattern?: string
  readonly items?: Shape
  readonly description?: string
}

function shapeOf(schema: Shape): string {
  if (schema.enum) return schema.enum.map(value => `\`${value}\``).join(', ')
  if (schema.anyOf) return schema.anyOf.map(shapeOf).join(' or ')
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'values' : shapeOf(schema.items)}`
  const prefix = /^\^([a-z]+_)\[/.exec(schema.pattern ?? '')?.[1]
  return prefix === undefined ? (schema.type ?? 'any') : `\`${prefix}…\``
}

const aboutOf = (schema: Shape): string => schema.description ?? ''
