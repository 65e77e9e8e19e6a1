import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Environment, findSecret, getSecret } from '#apps/process/read-secret.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mayfly-secret-'))
  await writeFile(join(folder, 'kek'), 'from the file\n')
  await writeFile(join(folder, 'empty'), '\n')
})
afterAll(() => rm(folder, { recursive: true }))

const find = (env: Environment) => {
  const problems: string[] = []
  return { secret: findSecret(env, 'KEK', problems), problems }
}

describe('a secret from outside', () => {
  test('comes from its variable, or from the file that the other variable names, without the line end', () => {
    expect(find({ KEK: 'direct' })).toEqual({ secret: 'direct', problems: [] })
    expect(find({ KEK_FILE: join(folder, 'kek') })).toEqual({ secret: 'from the file', problems: [] })
  })

  test('counts as absent when variable or file is empty', () => {
    for (const env of [{}, { KEK: '' }, { KEK_FILE: '' }, { KEK_FILE: join(folder, 'empty') }])
      expect(find(env)).toEqual({ secret: undefined, problems: [] })
  })

  test('is a problem when both are set: nobody could say which one holds', () => {
    expect(find({ KEK: 'direct', KEK_FILE: join(folder, 'kek') }).problems).toEqual([
      'KEK and KEK_FILE are both set. Set one of them.',
    ])
  })

  test('that must be there is complained of once, whether it is missing or its file cannot be read', () => {
    const problems: string[] = []
    expect(getSecret({}, 'KEK', problems, '32 bytes')).toBe('')
    expect(getSecret({ KEK_FILE: join(folder, 'gone') }, 'KEK', problems, '32 bytes')).toBe('')
    expect(problems).toEqual([
      'KEK or KEK_FILE is missing: 32 bytes.',
      `KEK_FILE=${join(folder, 'gone')} cannot be read (ENOENT).`,
    ])
  })
})
