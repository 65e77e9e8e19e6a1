import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createBootstrapToken } from '#core/operators/bootstrap.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()

describe('mayfly bootstrap', () => {
  const words = () => [
    'bootstrap',
    '--token-file',
    person.file('boot', `mfb_${'a'.repeat(40)}`),
    '--slug',
    'a',
    '--name',
    'A',
    '--out',
    `${person.home}/tokens`,
  ]

  test('says what was refused, and leaves tokens alone that are there', async () => {
    const env = environmentOf(broker, person)
    const refused = await person.mayfly(words(), { env })
    expect([refused.code, refused.err]).toMatchObject([1, expect.stringContaining('mayfly bootstrap: refused')])
    expect(existsSync(`${person.home}/tokens/tenant-admin.token`)).toBe(false)
    person.file('tokens/tenant-admin.token', 'kept')
    expect((await person.mayfly(words(), { env })).err).toContain('is there already')
    expect(readFileSync(`${person.home}/tokens/tenant-admin.token`, 'utf8')).toBe('kept')
  })

  test('makes the first tenant, and keeps each token in a file for its owner alone', async () => {
    const { admin, database } = broker.database
    await admin`delete from mayfly.credential where kind = 'operator'`
    await admin`update mayfly.tenant set is_first = false`
    const secret = await createBootstrapToken(database.db, Date.now())
    rmSync(`${person.home}/tokens`, { recursive: true })
    const env = environmentOf(broker, person)
    const ran = await person.mayfly([...words().with(2, '-'), '--json'], { env, readInput: async () => `${secret}\n` })
    expect([ran.code, ran.err, ran.json().tenant.slug]).toEqual([0, '', 'a'])
    for (const role of ['platform-admin', 'tenant-admin']) {
      const file = `${person.home}/tokens/${role}.token`
      const token = readFileSync(file, 'utf8').trim()
      expect([statSync(file).mode & 0o777, ran.out.includes(token)]).toEqual([0o600, false])
      const who = await person.mayfly(['whoami', '--json'], { env: environmentOf(broker, person, token) })
      expect(who.json()).toMatchObject({ role })
    }
  })
})
