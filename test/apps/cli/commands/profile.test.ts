import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const configFile = () => `${person.home}/.config/mayfly/config.json`
const config = () => JSON.parse(readFileSync(configFile(), 'utf8'))

describe('a profile', () => {
  test('is kept for its owner alone, used from then on, and shown without its secret', async () => {
    const token = person.file('token', `${broker.running.operatorToken}\n`)
    const ca = person.file('ca.pem', broker.running.ca.certificatePem)
    const made = await person.mayfly([
      'profile',
      'add',
      'lab',
      '--url',
      `${broker.running.issuer}/`,
      '--ca-file',
      ca,
      '--token-file',
      token,
    ])
    expect([made.code, made.err]).toEqual([0, ''])
    expect([statSync(configFile()).mode & 0o777, statSync(`${person.home}/.config/mayfly`).mode & 0o777]).toEqual([0o600, 0o700])
    expect(readdirSync(`${person.home}/.config/mayfly`)).toEqual(['config.json'])
    expect((await person.mayfly(['whoami', '--json'])).json()).toMatchObject({
      role: 'tenant-admin',
      broker: broker.running.issuer,
    })
    const { out } = await person.mayfly(['profile', 'list', '--json'])
    expect([out.includes(broker.running.operatorToken), JSON.parse(out).items]).toMatchObject([
      false,
      [{ name: 'lab', current: true, credential: 'token' }],
    ])
  })

  test('gives way to --profile and to MAYFLY_URL, and their credentials are not mixed', async () => {
    await person.mayfly(['profile', 'add', 'elsewhere', '--url', 'https://127.0.0.1:1'])
    expect(config().current).toBe('elsewhere')
    expect((await person.mayfly(['whoami', '--profile', 'lab'])).code).toBe(0)
    const { MAYFLY_TOKEN: _, ...withoutToken } = environmentOf(broker, person)
    const ran = await person.mayfly(['whoami'], { env: withoutToken })
    expect([ran.code, ran.err]).toMatchObject([1, expect.stringContaining('401')])
    expect((await person.mayfly(['whoami'], { env: environmentOf(broker, person) })).code).toBe(0)
  })

  test('is left out of use where others can read it', async () => {
    chmodSync(configFile(), 0o644)
    const { code, err } = await person.mayfly(['whoami'])
    chmodSync(configFile(), 0o600)
    expect([code, err]).toMatchObject([1, expect.stringContaining('can be read or written by other users')])
  })

  test('is forgotten with what it holds', async () => {
    expect((await person.mayfly(['profile', 'use', 'lab'])).code).toBe(0)
    expect((await person.mayfly(['profile', 'remove', 'lab'])).code).toBe(0)
    expect(Object.keys(config().profiles)).toEqual(['elsewhere'])
    expect(readFileSync(configFile(), 'utf8')).not.toContain(broker.running.operatorToken)
    expect((await person.mayfly(['whoami'])).err).toContain('No broker is known')
    expect((await person.mayfly(['profile', 'use', 'lab'])).err).toContain('There is no profile "lab"')
  })

  test.each(['http://broker.example', 'https://user@broker.example', 'broker.example', 'https://broker.example?a=b'])(
    'is not made for %s',
    async url => {
      const { code, err } = await person.mayfly(['profile', 'add', 'bad', '--url', url])
      expect([code, err]).toMatchObject([1, expect.stringContaining('is no address of a broker')])
    },
  )

  test.each(['__proto__', '../x', 'UPPER', ''])('is not called %s', async name => {
    expect((await person.mayfly(['profile', 'add', name, '--url', 'https://broker.example'])).code).toBe(1)
    expect((await person.mayfly(['whoami', '--profile', name])).code).toBe(1)
  })
})
