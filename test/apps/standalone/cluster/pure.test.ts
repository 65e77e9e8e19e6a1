import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parsePasswd } from '#apps/standalone/cluster/owner.ts'
import { parsePostmasterPid } from '#apps/standalone/cluster/postmaster-pid.ts'
import { assertUnplanted, canReach } from '#apps/standalone/cluster/reach.ts'

const home = mkdtempSync(join(tmpdir(), 'mayfly-reach-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const stranger = { uid: 54_321, gid: 54_321, name: 'stranger' }

test('reads the users that are not root', () => {
  const users = parsePasswd(
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nodd:x:a:b::/:\nrootgroup:x:7:0::/:\n',
  )
  expect([...users.values()]).toEqual([{ name: 'nobody', uid: 65_534, gid: 65_534 }])
})

test.each([
  [
    'a running server',
    '123\n/data\n1700000000\n5433\n\n127.0.0.1\n  1 2\nready   \n',
    { pid: 123, startedAtSeconds: 1_700_000_000, port: 5433, ready: true },
  ],
  [
    'one that is starting',
    '123\n/data\n1700000000\n5433\n',
    { pid: 123, startedAtSeconds: 1_700_000_000, port: 5433, ready: false },
  ],
  ['a stand-alone backend', '-123\n/data\n', { pid: 123, startedAtSeconds: undefined, port: undefined, ready: false }],
  ['an empty file', '', undefined],
  ['pid 1, which is never PostgreSQL', '1\n/data\n', undefined],
  ['pid 0, which would mean our own group', '0\n/data\n', undefined],
  ['rubbish', 'abc\n', undefined],
])('reads postmaster.pid of %s', (_, text, expected) => {
  expect(parsePostmasterPid(text)).toEqual(expected)
})

describe('a folder for another user', () => {
  const inner = join(home, 'a', 'b')
  mkdirSync(inner, { recursive: true })

  test.each([
    [0o755, 0o755, true],
    [0o711, 0o755, true],
    [0o700, 0o755, false],
    [0o755, 0o700, false],
    [0o755, 0o711, false],
  ])('above %o, itself %o: reachable %s', (above, itself, expected) => {
    chmodSync(home, 0o755)
    chmodSync(join(home, 'a'), above)
    chmodSync(inner, itself)
    expect(canReach(inner, stranger)).toBe(expected)
  })

  test.each([0o777, 0o775, 0o757])('is refused when others may write it (%o)', mode => {
    chmodSync(join(home, 'a'), mode)
    chmodSync(inner, 0o755)
    expect(() => assertUnplanted(inner)).toThrow(/does not trust/)
    chmodSync(join(home, 'a'), 0o755)
    expect(() => assertUnplanted(inner)).not.toThrow()
  })
})
