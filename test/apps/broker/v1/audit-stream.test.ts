import { afterEach, describe, expect, test, vi } from 'vitest'
import { prepareEvent } from '#core/audit/event.ts'
import { formatId, newUuid } from '#core/ids/id.ts'
import { appendBatch } from '#db/log/append.ts'
import { createTenant, makeRequest } from '#test/db/log/requests.ts'
import { logSize, readLog } from '#test/setup/log-reader.ts'
import { type NdjsonReader, readNdjson } from '#test/setup/ndjson-reader.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const use = useBroker()
const readers: NdjsonReader[] = []
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close()
})

async function open(query: Record<string, string>, token = use.running.operatorToken): Promise<NdjsonReader> {
  const url = `${use.running.issuer}/v1/audit/stream?${new URLSearchParams(query)}`
  const reader = await readNdjson({ url, ca: use.running.ca.certificatePem, token })
  readers.push(reader)
  return reader
}

const deniedFacts = { code: 'access_denied', config_epoch: 1, reason: 'test', trust_source: `src_${'0'.repeat(32)}` }

/** Puts events of a tenant into the log; returns their ids. */
async function append(tenantId: string, count: number, type = 'token.denied', facts: object = deniedFacts) {
  const accountId = newUuid()
  const events = Array.from({ length: count }, () => prepareEvent({ type, tenantId, accountId, facts } as never, Date.now()))
  const { firstPosition } = await appendBatch(use.database.database.sql, [makeRequest(tenantId, { events })])
  return { accountId, first: Number(firstPosition) }
}
const own = () => use.running.ids.tenant.replace(/^ten_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
const entriesOf = (reader: NdjsonReader) => reader.lines.filter(line => line.type !== undefined)

/** Each line stands behind the one before it. */
function expectGapless(reader: NdjsonReader): void {
  for (const [at, line] of reader.lines.entries()) if (at > 0) expect(line.after).toBe(reader.lines[at - 1].position)
}

describe('a stream of the log', () => {
  test('tells a tenant its entries as they come, in order, and nobody else’s', async () => {
    const other = await createTenant(use.database.admin)
    const reader = await open({})
    expect(reader.status).toBe(200)
    const mine = await append(own(), 3)
    await append(other, 300)
    const later = await append(own(), 2)
    await vi.waitFor(() => expect(entriesOf(reader).filter(({ type }) => type === 'token.denied')).toHaveLength(5))
    const told = entriesOf(reader).filter(({ type }) => type === 'token.denied')
    expect(told.map(({ position }) => position)).toEqual(
      [0, 1, 2].map(n => mine.first + n).concat([0, 1].map(n => later.first + n)),
    )
    expect(new Set(entriesOf(reader).map(({ tenant }) => tenant))).toEqual(new Set([use.running.ids.tenant]))
    expect(reader.text()).not.toContain(formatId('tenant', other))
    expectGapless(reader)
  })

  test('goes on where a cursor says, with nothing left out and nothing told twice', async () => {
    const { first } = await append(own(), 700)
    const all = await open({ after: 'start', follow: 'false', type: 'token.*' })
    await vi.waitFor(() => expect(all.ended).toBe('end'))
    expectGapless(all)
    const at = entriesOf(all).findIndex(({ position }) => position === first + 300)
    const rest = await open({ after: entriesOf(all)[at].cursor, follow: 'false', type: 'token.*' })
    await vi.waitFor(() => expect(rest.ended).toBe('end'))
    expect(entriesOf(rest)[0].position).toBe(first + 301)
    expect(rest.lines[0].after).toBe(first + 300)
    expect(entriesOf(rest).map(({ id }) => id)).toEqual(
      entriesOf(all)
        .slice(at + 1)
        .map(({ id }) => id),
    )
    expect(all.lines.at(-1)).toMatchObject({ heartbeat: expect.any(String), position: expect.any(Number) })
  })

  test('shows a platform-admin the entries of all, without a gap in their positions', async () => {
    await append(await createTenant(use.database.admin), 5)
    const reader = await open({ after: 'start', follow: 'false' }, use.running.platformToken)
    await vi.waitFor(() => expect(reader.ended).toBe('end'))
    const positions = entriesOf(reader).map(({ position }) => position)
    expect(positions).toEqual(positions.map((_, at) => at))
    expect(reader.lines.at(-1).position).toBe(positions.length - 1)
  })

  test('leaves out what a filter does not want', async () => {
    const { accountId } = await append(own(), 2, 'account.revoked', {})
    const query = { after: 'start', follow: 'false' }
    const byAccount = await open({ ...query, account: formatId('account', accountId) })
    const byTypes = await open({ ...query, type: 'account.revoked,resource.*' })
    const denied = await open({ ...query, decision: 'deny' })
    const lately = await open({ follow: 'false', from: new Date(Date.now() + 3_600_000).toISOString() })
    await vi.waitFor(() => expect([byAccount, byTypes, denied, lately].map(({ ended }) => ended)).toEqual(Array(4).fill('end')))
    expect(entriesOf(byAccount)).toHaveLength(2)
    expect(new Set(entriesOf(byTypes).map(({ type }) => type))).toEqual(new Set(['account.revoked', 'resource.created']))
    expect(new Set(entriesOf(denied).map(({ type }) => type))).toEqual(new Set(['token.denied']))
    expect(entriesOf(lately)).toEqual([])
  })

  test('shows the exact leaf to who asks, and what is sealed to nobody', async () => {
    await vi.waitFor(async () => {
      const { status, text } = await use.running.token(use.running.form(), use.running.certificate)
      expect(status, text).toBe(200)
    })
    const reader = await open({ after: 'start', follow: 'false', leaf: 'true' })
    await vi.waitFor(() => expect(reader.ended).toBe('end'))
    const logged = await readLog(use.database.admin)
    for (const { position, leaf } of entriesOf(reader)) expect(leaf).toBe(logged[position]!.leafText)
    const issued = entriesOf(reader).find(({ type }) => type === 'token.issued')
    expect(issued.facts).toBeDefined()
    expect(issued.facts.private ?? issued.facts.subject_key).toBeUndefined()
  })

  test('is itself in the log: who followed what, from where to where', async () => {
    const from = await logSize(use.database.admin)
    const reader = await open({ type: 'account.*' })
    await append(own(), 1, 'account.revoked', {})
    await vi.waitFor(() => expect(entriesOf(reader)).toHaveLength(1))
    reader.close()
    await vi.waitFor(async () => {
      const events = (await readLog(use.database.admin, from)).filter(({ leaf }) => leaf.type.startsWith('audit_stream.'))
      expect(events.map(({ leaf, body }) => [leaf.type, body])).toMatchObject([
        ['audit_stream.opened', { actor: expect.stringMatching(/^crd_/), position: from, follow: true, types: ['account.*'] }],
        ['audit_stream.ended', { actor: expect.stringMatching(/^crd_/), entries: 1, why: 'left' }],
      ])
    })
  })

  test('ends within seconds when the credential of its reader has ended', async () => {
    const { body } = await use.running.v1('POST', '/v1/operators', { name: 'reader', role: 'auditor', expires_in_seconds: 3600 })
    const reader = await open({}, body.token)
    expect(reader.status).toBe(200)
    await use.running.v1('DELETE', `/v1/operators/${body.id}`)
    await vi.waitFor(() => expect(reader.ended).toBe('cut'), { timeout: 9_000 })
  }, 15_000)

  test.each([
    ['no credential', {}, undefined, 401],
    ['a cursor that was made up', { after: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, 'admin', 400],
    ['two places to begin', { after: 'start', from: '2026-01-01T00:00:00Z' }, 'admin', 400],
    ['a time that is none', { from: 'yesterday' }, 'admin', 400],
    ['a type that is none', { type: 'token.issued,*' }, 'admin', 400],
    ['an account that is none', { account: '%' }, 'admin', 400],
    ['another parameter', { tenant: 'ten_00000000000000000000000000000000' }, 'admin', 400],
  ])('is refused with %s', async (_, query, who, status) => {
    const url = `${use.running.issuer}/v1/audit/stream?${new URLSearchParams(query as Record<string, string>)}`
    const token = who === undefined ? {} : { token: use.running.operatorToken }
    expect((await readNdjson({ url, ca: use.running.ca.certificatePem, ...token })).status).toBe(status)
  })

  test('does not take the cursor of somebody who sees more', async () => {
    const reader = await open({ after: 'start', follow: 'false' }, use.running.platformToken)
    await vi.waitFor(() => expect(reader.ended).toBe('end'))
    expect((await open({ after: reader.lines[0].cursor })).status).toBe(400)
  })
})
