import { describe, expect, test } from 'vitest'
import { commands } from '#apps/cli/commands.ts'
import { parseWords, splitWords } from '#apps/cli/parse-words.ts'
import { usePerson } from './use-cli.ts'

const { mayfly } = usePerson()

describe('usage', () => {
  test.each([
    ['an unknown command', ['agnts'], 'Perhaps "mayfly agents" is meant'],
    ['an unknown command of a group', ['agents', 'lst'], 'Perhaps "mayfly agents list" is meant'],
    ['an unknown flag', ['agents', 'list', '--al'], 'Perhaps --all is meant'],
    ['a missing argument', ['agents', 'get'], 'needs <agent>'],
    ['one argument too many', ['agents', 'get', 'a', 'b'], 'takes no "b"'],
    ['a missing flag', ['tenants', 'create', '--slug', 'a'], 'needs --name'],
    ['a value that is none of those there are', ['keys', 'rotate', '--use', 'all'], 'none of signing, ca'],
    ['a body missing', ['agents', 'create'], 'needs a body'],
    ['no time', ['operators', 'create', '--name', 'a', '--role', 'auditor', '--expires-in', 'soon'], 'no length of time'],
    ['what is no id', ['changes', 'approve', '..'], 'no id of a change'],
    ['a group alone', ['agents'], 'Usage: mayfly agents'],
  ])('%s is wrong usage, told on stderr', async (_, words, told) => {
    const env = { MAYFLY_URL: 'https://127.0.0.1:1', MAYFLY_TOKEN: 'x' }
    const { code, out, err } = await mayfly(words, { env })
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(told)
  })

  test('names a broker that cannot be reached, without a stack', async () => {
    const { code, err } = await mayfly(['whoami'], { env: { MAYFLY_URL: 'https://127.0.0.1:1', MAYFLY_TOKEN: 'x' } })
    expect([code, err]).toMatchObject([1, expect.stringContaining('https://127.0.0.1:1 cannot be reached')])
    expect(err).not.toMatch(/\n\s+at /)
  })

  test('says what to do where no broker is known', async () => {
    const { code, err } = await mayfly(['whoami', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(err).error.next).toContain('mayfly profile add')
  })

  test('finds flags for everywhere before the command as well as after', () => {
    const { command, rest } = splitWords(commands, [
      '--profile',
      'work',
      '--json',
      'resources',
      'credentials',
      'list',
      'x',
      '--all',
    ])
    expect(command?.name).toBe('resources credentials list')
    expect(parseWords(command!, rest)).toMatchObject({
      args: { resource: 'x' },
      values: { profile: 'work', json: true, all: true },
    })
  })
})

describe('help', () => {
  test('is there at each level, with examples, and ends well', async () => {
    const groups = commands.flatMap(({ name }) => name.split(' ').map((_, at, all) => all.slice(0, at + 1).join(' ')))
    for (const name of ['', ...new Set(groups)]) {
      const { code, out, err } = await mayfly([...name.split(' ').filter(Boolean), '--help'])
      expect([name, code, err]).toEqual([name, 0, ''])
      expect(out, name).toMatch(/^Usage: mayfly/m)
      expect(out, name).toContain('Examples:')
    }
  })

  test('the first page has every command in a group of its own kind, none under "More"', async () => {
    const { out } = await mayfly(['--help'])
    expect(out).not.toContain('More:')
    expect(out).toMatch(/^Everyday:\n(?: {2}.*\n)* {2}run .*\n {2}account /m)
  })

  test.each(commands.map(command => [command.name, command] as const))(
    '%s has examples that it would take',
    (name, { examples }) => {
      expect(examples.length).toBeGreaterThan(0)
      for (const { command: line } of examples) {
        const calls = line.split(/\s(?:\||&&|>)\s/).filter(call => call.startsWith('mayfly '))
        const words = calls.map(call =>
          [...call.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!).slice(1),
        )
        for (const each of words) {
          const { command, rest } = splitWords(commands, each)
          if (command) parseWords(command, rest)
          expect([line, command !== undefined]).toEqual([line, true])
        }
        expect(line).toContain(`mayfly ${name}`)
      }
    },
  )
})
