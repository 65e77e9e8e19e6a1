import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '#apps/cli/commands.ts'
import { complete } from '#apps/cli/completion/complete.ts'
import { usePerson } from './use-cli.ts'

const person = usePerson()

describe('completion', () => {
  test.each([
    [[], 'ag', ['agent', 'agents']],
    [['agents'], '', ['create', 'delete', 'get', 'join-tokens', 'list', 'reinstate', 'suspend', 'update']],
    [['agents', 'join-tokens'], 'c', ['create']],
    [['agents', 'list'], '--a', ['--all']],
    [['agents', 'list', '--all'], '--js', ['--json']],
    [['keys', 'rotate', '--use'], '', ['ca', 'signing']],
    [['agents', 'create', '-f'], '', []],
    [['--json', 'tru'], '', []],
    [['--json'], 'tru', ['trust-sources']],
    [['no', 'such'], 'x', []],
    [['--profile', 'agents', 'tenants'], '', ['create', 'get', 'list']],
  ])('after %j offers for %j: %j', (words, partial, offered) => {
    expect(complete(commands, words, partial)).toEqual(offered)
  })

  test('offers every command, word by word', () => {
    for (const { name } of commands) {
      const words = name.split(' ')
      for (const [at, word] of words.entries()) expect(complete(commands, words.slice(0, at), word)).toContain(word)
    }
  })

  test('is what the scripts get, flags after -- among it', async () => {
    const { code, out } = await person.mayfly(['completion', 'words', '--', 'agents', 'list', '--'])
    expect([code, out.split('\n')]).toMatchObject([0, expect.arrayContaining(['--all', '--json', '--help'])])
    expect((await person.mayfly(['completion', 'words', '--', 'agents', '--version', 'l'])).out).toBe('list\n')
  })

  test('works in a real bash', async () => {
    const cli = resolve('apps/cli/main.ts')
    writeFileSync(`${person.home}/mayfly`, `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 })
    const script = person.file('completion.bash', (await person.mayfly(['completion', 'bash'])).out)
    const line = `source '${script}'; COMP_WORDS=(mayfly agents l); COMP_CWORD=2; _mayfly; printf '%s\\n' "\${COMPREPLY[@]}"`
    const env = { PATH: [person.home, process.env['PATH']].join(delimiter) }
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', line], { encoding: 'utf8', env })
    expect([stdout, stderr]).toEqual(['list\n', ''])
  })

  test.each(['bash', 'zsh', 'fish'])('has a script for %s', async shell => {
    const { code, out } = await person.mayfly(['completion', shell])
    expect([code, out]).toMatchObject([0, expect.stringContaining('mayfly completion words --')])
  })
})
