import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chromiumPath } from '#test/setup/chromium.ts'
import { type Child, makeSurroundings, removeState, run, type Surroundings } from './standalone-child.ts'

interface Line {
  readonly step: string
  readonly ok: boolean
  readonly ms: number
  readonly [member: string]: unknown
}

let surroundings: Surroundings
let first: { code: number | string; lines: Line[]; child: Child }

async function demo(more: readonly string[] = []): Promise<typeof first> {
  const child = run('apps/standalone/demo.ts', ['--json', ...more], surroundings)
  const code = await child.ended
  const lines = child
    .out()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
  expect(lines, child.err()).not.toEqual([])
  return { code, lines, child }
}

const stepNames = [
  'start',
  'register',
  'exchange',
  'call',
  'no-certificate',
  'other-row',
  'expired',
  'second-use',
  'stolen-token',
  'forged-certificate',
  'other-instance',
  'beyond-ceiling',
  'revoke',
  'reached',
  'open-ahead',
  'hand-over',
  'leave-alone',
  'sub-agent',
  'sub-agent-beyond',
  'claim',
  'after-claim',
  'close',
  'cleared-away',
  'log',
  'proof',
  'export',
  'stop',
]

beforeAll(async () => {
  surroundings = await makeSurroundings()
  first = await demo()
}, 120_000)
afterAll(() => removeState(join(surroundings['MAYFLY_STATE_DIR']!, 'demo')))

test('tells every step in order and exits 0', () => {
  expect(first.lines.map(line => line.step)).toEqual(stepNames)
  expect(first.lines.filter(line => !line.ok)).toEqual([])
  expect(first.code, first.child.err()).toBe(0)
  for (const { ms } of first.lines) expect(ms).toBeGreaterThanOrEqual(0)
})

test.each([
  ['call', 200, undefined],
  ['no-certificate', 401, 'invalid_token'],
  ['other-row', 403, 'insufficient_scope'],
  ['expired', 401, 'invalid_token'],
  ['second-use', 401, 'invalid_token'],
  ['stolen-token', 401, 'invalid_client'],
  ['forged-certificate', 401, 'invalid_client'],
  ['other-instance', 400, 'access_denied'],
  ['beyond-ceiling', 400, 'invalid_authorization_details'],
  ['revoke', 401, 'invalid_token'],
])('%s ends with %d %s', (name, status, error) => {
  const line = first.lines.find(({ step }) => step === name)
  expect([line?.['status'], line?.['error']]).toEqual([status, error])
})

test('finds in the log each token, each refusal and each decision that the story caused', () => {
  const line = first.lines.find(({ step }) => step === 'log')
  expect(line).toMatchObject({ ok: true, denied: 6 })
  expect(line?.['issued']).toBeGreaterThanOrEqual(3)
  expect(line?.['decisions']).toBeGreaterThanOrEqual(7)
})

test('proves the first token’s receipt and an export offline, and names the entry of one edited byte', async () => {
  const of = (step: string) => first.lines.find(line => line.step === step)
  expect(of('proof')).toMatchObject({ ok: true, offline: true, root: expect.stringMatching(/^[\w+/]{43}=$/) })
  const { position, log_key: key } = of('proof')!
  expect(of('export')).toMatchObject({ ok: true, edited: position, found: position })
  expect(of('export')?.['entries']).toBeGreaterThan(20)
  // What it leaves behind is whole again, and anybody's to verify.
  const folder = join(surroundings['MAYFLY_STATE_DIR']!, 'demo/export')
  const verify = run('apps/cli/main.ts', ['audit', 'verify', folder, '--key', String(key), '--json'], surroundings)
  expect(await verify.ended, verify.err()).toBe(0)
  for (const step of ['proof', 'export']) expect(of(step)?.ms).toBeLessThan(10_000)
})

test('shows no secret and no token', () => {
  const said = first.child.out() + first.child.err()
  expect(said).not.toMatch(/\beyJ|\bmf[a-z]_|PRIVATE KEY|postgres:\/\//)
})

test('an account is claimed, and one that is left alone is cleared away with a receipt', () => {
  const of = (step: string) => first.lines.find(line => line.step === step)
  expect(of('claim')).toMatchObject({ account_id: of('open-ahead')?.['account_id'], browser: false })
  expect(of('after-claim')).toMatchObject({ status: 400 })
  expect(of('cleared-away')).toMatchObject({
    account_id: of('leave-alone')?.['account_id'],
    receipt: expect.stringMatching(/^[\w-]{43}$/),
    attachments: [{ outcome: 'destroyed', destroyed: [{ what: 'drawer', count: 1 }] }],
  })
})

test('can be told again on the same state, on other ports, with the claim in Chromium where there is one', async () => {
  const again = await demo(chromiumPath === undefined ? [] : ['--browser'])
  expect(again.code, again.child.err()).toBe(0)
  const issuer = (lines: Line[]) => lines.find(({ step }) => step === 'start')?.['issuer']
  expect(issuer(again.lines)).not.toBe(issuer(first.lines))
}, 60_000)

test('explains itself', async () => {
  const child = run('apps/standalone/demo.ts', ['--help'], surroundings)
  expect(await child.ended).toBe(0)
  expect(child.out()).toContain('--json')
})
