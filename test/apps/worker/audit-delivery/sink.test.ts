import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Sink, startSink } from '#apps/worker/audit-delivery/sink.ts'
import { readSinkSettings, type SinkSettings } from '#apps/worker/audit-delivery/sink-settings.ts'
import { readAuditBacklog } from '#db/audit-stream/sinks.ts'
import { createTenant } from '#test/db/log/requests.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { type SyslogCollector, startSyslogCollector } from '#test/setup/syslog-collector.ts'
import { type LogWorld, startLogWorld } from './log-world.ts'

let world: LogWorld
let tenantId: string
const sinks: Sink[] = []
const collectors: SyslogCollector[] = []
beforeAll(async () => {
  world = await startLogWorld()
  tenantId = await createTenant(world.db.admin)
})
afterEach(async () => {
  await Promise.all(sinks.splice(0).map(sink => sink.close()))
  await Promise.all(collectors.splice(0).map(collector => collector.close()))
  await world.db.admin`delete from mayfly.audit_sink`
})
afterAll(() => world.close())

async function collect(options: Parameters<typeof startSyslogCollector>[0] = {}): Promise<SyslogCollector> {
  const collector = await startSyslogCollector(options)
  collectors.push(collector)
  return collector
}

const settingsFor = ({ port, caPem }: SyslogCollector, changes: Partial<SinkSettings> = {}): SinkSettings => ({
  name: 'siem',
  host: 'localhost',
  port,
  tls: { caPem },
  framing: 'octets',
  format: 'ocsf',
  types: undefined,
  from: 'start',
  hostname: 'broker.example',
  ...changes,
})

function write(settings: SinkSettings): Sink {
  const { db, pages, logger } = world
  const sink = startSink({ database: db.database, pages, logger, settings, settleMs: 100, retryMs: 50 })
  sinks.push(sink)
  return sink
}

const positionOf = (message: string): number => Number(/ position="(\d+)"/.exec(message)![1])
const positions = (collector: SyslogCollector): number[] => collector.messages.map(positionOf)
const jsonOf = (message: string) => JSON.parse(message.slice(message.indexOf('] ') + 2))
const sinkRow = async () => (await world.db.admin`select position, failures, failure from mayfly.audit_sink`)[0]

describe('the operator’s own system', () => {
  test('gets the whole log in order over TLS, as OCSF in syslog', async () => {
    await world.append(tenantId, 300)
    const collector = await collect()
    write(settingsFor(collector))
    await world.append(await createTenant(world.db.admin), 10)
    const logged = await readLog(world.db.admin)
    await vi.waitFor(() => expect(collector.messages).toHaveLength(logged.length))
    expect(positions(collector)).toEqual(logged.map(({ position }) => position))
    const [first] = collector.messages
    expect(first).toMatch(
      /^<109>1 \d{4}-\d\d-\d\dT[\d:.]+Z broker\.example mayfly - account\.completed \[mayfly@32473 position="0" event="/,
    )
    expect(jsonOf(first!)).toMatchObject({ class_uid: 3004, metadata: { event_code: 'account.completed', sequence: 0 } })
    await vi.waitFor(async () => expect(Number((await sinkRow())!['position'])).toBe(logged.length))
    expect(await readAuditBacklog(world.db.database.sql)).toMatchObject({ sinkFailing: 0, sinkBehind: 0 })
  })

  test('gets again what it may not have read when its connection broke, and misses nothing', async () => {
    const collector = await collect()
    const { port } = collector
    write(settingsFor(collector, { from: 'now' }))
    await vi.waitFor(() => expect(collector.connections).toBe(1))
    const first = await world.append(tenantId, 50)
    await vi.waitFor(() => expect(collector.messages.length).toBeGreaterThan(0))
    collector.cut()
    await world.append(tenantId, 50)
    await vi.waitFor(() => expect(positions(collector).at(-1)).toBe(first + 99), { timeout: 5_000 })
    expect(new Set(positions(collector)).size).toBe(100)
    expect(collector.port).toBe(port)
  })

  test('goes on where another worker stopped', async () => {
    const collector = await collect()
    const start = await world.append(tenantId, 20)
    const first = write(settingsFor(collector))
    await vi.waitFor(async () => expect(Number((await sinkRow())?.['position'] ?? 0)).toBe(start + 20))
    await first.close()
    const before = collector.messages.length
    await world.append(tenantId, 5)
    write(settingsFor(collector))
    await vi.waitFor(() => expect(collector.messages.length).toBe(before + 5), { timeout: 5_000 })
    expect(positions(collector).slice(before)).toEqual([0, 1, 2, 3, 4].map(n => start + 20 + n))
  })

  test('is written to by one worker at a time', async () => {
    const collector = await collect()
    await world.append(tenantId, 10)
    write(settingsFor(collector, { from: 'start' }))
    await vi.waitFor(() => expect(collector.connections).toBe(1))
    write(settingsFor(collector))
    await world.append(tenantId, 10)
    const logged = await readLog(world.db.admin)
    await vi.waitFor(() => expect(collector.messages).toHaveLength(logged.length))
    expect(collector.connections).toBe(1)
  })

  test('that cannot be reached, or trusted, is an alarm; nothing is given to it', async () => {
    const collector = await collect()
    await world.append(tenantId, 1)
    const stranger = await collect()
    write(settingsFor(collector, { tls: { caPem: stranger.caPem } }))
    await vi.waitFor(async () => expect(world.logLines.join()).toContain('not_trusted'), { timeout: 5_000 })
    expect(collector.messages).toEqual([])
    expect(await readAuditBacklog(world.db.database.sql)).toMatchObject({ sinkFailing: 1 })
  })

  test('can be plain TCP with a line for each, the entry as the API shows it, some types alone', async () => {
    const collector = await collect({ tls: false, framing: 'lines' })
    await world.append(tenantId, 3, 'account.revoked')
    write(settingsFor(collector, { tls: undefined, framing: 'lines', format: 'entry', types: ['account.revoked'] }))
    await vi.waitFor(() => expect(collector.messages).toHaveLength(3))
    expect(jsonOf(collector.messages[0]!)).toMatchObject({ type: 'account.revoked', receipt: expect.any(String) })
  })
})

describe('where it is', () => {
  test('stands in the environment', () => {
    const problems: string[] = []
    const read = readSinkSettings(
      { MAYFLY_SIEM_URL: 'tls://siem.example', MAYFLY_SIEM_TYPES: 'token.*, account.revoked' },
      problems,
    )
    expect(read).toMatchObject({
      host: 'siem.example',
      port: 6514,
      format: 'ocsf',
      framing: 'octets',
      types: ['token.*', 'account.revoked'],
    })
    expect(problems).toEqual([])
    expect(readSinkSettings({}, problems)).toBeUndefined()
  })

  test.each([
    { MAYFLY_SIEM_URL: 'https://siem.example' },
    { MAYFLY_SIEM_URL: 'tls://user:secret@siem.example' },
    { MAYFLY_SIEM_URL: 'tls://siem.example', MAYFLY_SIEM_CA_FILE: '/nowhere' },
    { MAYFLY_SIEM_URL: 'tcp://siem.example', MAYFLY_SIEM_FORMAT: 'cef' },
    { MAYFLY_SIEM_URL: 'tls://siem.example', MAYFLY_SIEM_TYPES: 'token*' },
    { MAYFLY_SIEM_URL: 'tls://siem.example', MAYFLY_SIEM_NAME: 'My SIEM' },
  ])('is refused as %o, in words without a secret', env => {
    const problems: string[] = []
    readSinkSettings(env, problems)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.join()).not.toContain('secret')
  })
})
