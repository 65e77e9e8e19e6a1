import { describe, expect, test } from 'vitest'
import { type AuditEventType, auditEventTypes, catalogue, findEventType } from '#core/audit/catalogue/catalogue.ts'
import { findEventFaults } from '#core/audit/catalogue/check.ts'
import type { EventType } from '#core/audit/catalogue/event-type.ts'
import { eventsPage } from '#core/audit/catalogue/page.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const tenantId = '01900000-0000-7000-8000-00000000000a'
const entryOf = <T extends AuditEventType>(type: T, facts: object = sampleFacts(type)) => ({
  position: 7,
  ...prepareEvent({ type, tenantId, facts } as never, 1_795_000_000_000),
})

test('docs/events.md is what the catalogue says', async () => {
  await expect(eventsPage()).toMatchFileSnapshot('../../../../docs/events.md')
})

describe.each(auditEventTypes)('%s', type => {
  const row: EventType = catalogue[type]

  test('has parties that stand in the leaf, the facts or what is sealed', () => {
    const leaf = ['tenant', 'agent', 'account', 'token', 'id', 'claims_hash']
    const known = {
      leaf,
      facts: Object.keys(row.facts.properties),
      private: Object.keys(row.private?.properties ?? {}),
    }
    const places = [...Object.values(row.parties).flat(), ...(row.ocsf.entity ? [row.ocsf.entity.at] : [])]
    const missing = places.filter(place => {
      const [part, name] = place.split('.') as [keyof typeof known, string]
      return !known[part].includes(name)
    })
    expect(missing).toEqual([])
  })

  test('allows the facts that it asks for, and no other', () => {
    expect(findEventFaults(entryOf(type))).toEqual([])
    expect(findEventFaults(entryOf(type, { ...sampleFacts(type), stranger: 1 }))).toContain(`${type}: stranger is no fact of it`)
  })

  // What is in the body may be shown to every auditor and stays for years.
  test('says in clear nothing that names a person or an object', () => {
    const names = Object.keys(row.facts.properties)
    expect(
      names.filter(name => /^(address|email|name|subject|issuer|scope|authorization_details|task_id|uri|url)$/.test(name)),
    ).toEqual([])
  })
})

test('leaves are written with the version of their row', () => {
  const versions = auditEventTypes.map(type => [type, (JSON.parse(entryOf(type).leaf) as { v: number }).v])
  expect(versions).toEqual(auditEventTypes.map(type => [type, catalogue[type].version]))
})

describe('an entry', () => {
  test('of a type that is in no row is found', () => {
    const { leaf, body } = entryOf('webhook.created')
    const strange = leaf.replace('webhook.created', 'webhook.burnt')
    expect(findEventFaults({ position: 1, leaf: strange, body })).toEqual(['webhook.burnt: not in the catalogue'])
    expect(findEventType('constructor')).toBeUndefined()
  })

  test('whose body is gone is judged by its leaf alone', () => {
    const { leaf } = entryOf('webhook.created')
    expect(findEventFaults({ position: 1, leaf })).toEqual([])
  })

  test('with something sealed where its row seals nothing is found', () => {
    const { leaf, body } = entryOf('webhook.created')
    const sealed = JSON.stringify({ ...(JSON.parse(body) as object), private: 'x', subject_key: 'y' })
    expect(findEventFaults({ position: 1, leaf, body: sealed })).toHaveLength(2)
  })
})
