import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWitnesses, type Witnesses, type WitnessesOptions } from '#apps/worker/witnesses/witnesses.ts'
import { parseCheckpoint } from '#core/tlog/checkpoint.ts'
import { formatVerifierKey, openNote, parseNote } from '#core/tlog/note.ts'
import { type RunningWitness, startWitness } from '#test/apps/cli/witness/witness-in-use.ts'
import { createTestLog, type TestLog } from '#test/core/witness/tree.ts'

let log: TestLog
let vkey: string
let witness: RunningWitness
let witnesses: Witnesses | undefined
const servers: Server[] = []
const faults: [name: string, fault: string | undefined, refused: boolean][] = []
let nowMs = 0

beforeEach(async () => {
  log = createTestLog('broker.example/log/one')
  vkey = formatVerifierKey(log.signer.verifierKey)
  witness = await startWitness({ name: 'witness.example/w1', logs: [vkey] })
  faults.length = 0
  nowMs = 0
})
afterEach(async () => {
  await witnesses?.close()
  await witness.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const onFault: WitnessesOptions['onFault'] = (...fault) => faults.push(fault)
function open(url = witness.url, more: Partial<WitnessesOptions> = {}): Witnesses {
  witnesses = createWitnesses([{ verifierKey: witness.key, url }], { onFault, nowMs: () => nowMs, ...more })
  return witnesses
}
const asked = (size: number, changed?: ReadonlySet<number>) => ({
  checkpoint: parseCheckpoint(parseNote(log.checkpoint(size, changed)).text),
  note: log.checkpoint(size, changed),
  prove: (from: number) => log.proof(from, size, changed),
})

describe('witnesses', () => {
  test('give lines that verify behind the checkpoint, one checkpoint after the other', async () => {
    const { cosign, report } = open()
    for (const size of [1, 5, 5, 12]) {
      const { lines } = await cosign(asked(size))
      expect(openNote(log.checkpoint(size) + lines.join(''), [witness.key]).signatures).toHaveLength(1)
    }
    expect(report()).toEqual([{ name: 'witness.example/w1', vkey: witness.vkey, size: 12 }])
    expect(faults).toEqual([])
  })

  test('are taken up where they are by a sealer that was started anew', async () => {
    await open().cosign(asked(7))
    await witnesses!.close()
    expect((await open().cosign(asked(9))).lines).toHaveLength(1)
  })

  test('that refuse a changed history are said, and not asked again at once', async () => {
    const { cosign, report } = open()
    await cosign(asked(6))
    expect((await cosign(asked(9, new Set([2])))).lines).toEqual([])
    expect((await cosign(asked(9))).lines).toEqual([])
    expect(faults).toEqual([['witness.example/w1', expect.stringContaining('it refuses: 422'), true]])
    nowMs = 1_001
    expect((await cosign(asked(9))).lines).toHaveLength(1)
    expect(faults[1]).toEqual(['witness.example/w1', undefined, false])
    expect(report()).toMatchObject([{ size: 9 }])
  })

  test('that have cosigned this very checkpoint are not asked for it again', async () => {
    const { cosign, report } = open('http://127.0.0.1:1')
    expect(await cosign({ ...asked(6), without: [witness.key.keyId] })).toEqual({ lines: [], witnesses: report() })
    expect(faults).toEqual([])
  })

  test('that know a longer log say so: what was restored from a copy is not cosigned', async () => {
    await open().cosign(asked(20))
    await witnesses!.close()
    const { cosign, report } = open()
    expect((await cosign(asked(11))).lines).toEqual([])
    expect(report()).toMatchObject([{ size: 20, fault: 'it has cosigned a longer log, of 20 entries' }])
    expect(faults[0]?.[2]).toBe(true)
  })

  test('that know another tree of the same size say so', async () => {
    const { cosign } = open()
    await cosign(asked(8))
    expect((await cosign(asked(8, new Set([3])))).lines).toEqual([])
    expect(faults[0]).toEqual(['witness.example/w1', 'it refuses: it has cosigned another tree of 8 entries', true])
  })

  test('that do not answer delay a checkpoint by no more than the bound, and the others not at all (attack 43)', async () => {
    const requests = vi.fn()
    const silent = await serve(requests)
    const addresses = [
      { verifierKey: witness.key, url: silent },
      { verifierKey: witness.key, url: witness.url },
    ]
    witnesses = createWitnesses(addresses, { onFault, nowMs: () => nowMs, withinMs: 150 })
    const started = performance.now()
    expect((await witnesses.cosign(asked(3))).lines).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(1_000)
    // It is still being asked for the first one.
    expect((await witnesses.cosign(asked(4))).lines).toHaveLength(1)
    expect(requests).toHaveBeenCalledTimes(1)
  })

  test('that are away are asked less and less often', async () => {
    const requests = vi.fn<RequestListener>((_request, response) => response.writeHead(503).end())
    const { cosign } = open(await serve(requests))
    const times: number[] = []
    for (; nowMs < 200_000; nowMs += 500) {
      const before = requests.mock.calls.length
      await cosign(asked(3))
      if (requests.mock.calls.length > before) times.push(nowMs)
    }
    expect(times.slice(0, 7)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000])
    expect(times[7]).toBe(123_000)
    expect(faults).toEqual([['witness.example/w1', 'the witness answered 503', false]])
  })

  test.each<[string, number, Record<string, string>, (line: string) => string]>([
    ['a signature of another key', 200, {}, () => '— other.example/w1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n'],
    ['what is no signature', 200, {}, () => 'well done\n'],
    ['nothing', 200, {}, () => ''],
    ['a signature of another checkpoint', 200, {}, line => line],
    ['an endless text', 200, {}, () => 'x'.repeat(100_000)],
    ['a size that is none', 409, { 'content-type': 'text/x.tlog.size' }, () => 'many'],
    ['a redirect', 302, { location: 'http://127.0.0.1:9/' }, () => ''],
  ])('that answer with %s are not believed', async (_what, status, headers, answer) => {
    const {
      lines: [line = ''],
    } = await open().cosign(asked(4))
    await witnesses!.close()
    const url = await serve((_request, response) => response.writeHead(status, headers).end(answer(line)))
    expect((await open(url).cosign(asked(6))).lines).toEqual([])
    expect(faults).toHaveLength(1)
  })

  test('have of what they say in a refusal no more repeated than one plain line', async () => {
    const url = await serve((_request, response) => response.writeHead(422).end(`no\n\u0000\u202e${'x'.repeat(500)}`))
    await open(url).cosign(asked(6))
    expect(faults[0]?.[1]).toMatch(/^it refuses: 422 no x{1,200}$/)
  })

  test('that send the sealer round in circles are left', async () => {
    const requests = vi.fn<RequestListener>((_request, response) =>
      response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${requests.mock.calls.length}\n`),
    )
    const { cosign } = open(await serve(requests))
    expect((await cosign(asked(6))).lines).toEqual([])
    expect(requests).toHaveBeenCalledTimes(2)
  })
})
