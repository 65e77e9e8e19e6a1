import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkContinues, hashStatements, OtherBuildError } from '#db/applied.ts'
import { checkSchemaVersion, migrate } from '#db/migrate.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'

const file = (name: string, sha256 = `hash of ${name}`) => ({ name, sha256 })
const known = ['0001', '0002', '0004'].map(name => file(name))

describe('checkContinues', () => {
  test.each([
    ['an empty database', []],
    ['one that stands where an earlier release left it', known.slice(0, 2)],
    ['one that is up to date', known],
  ])('takes %s', (_, applied) => expect(() => checkContinues(applied, known)).not.toThrow())

  test.each([
    ['a file was edited since', [file('0001', 'other'), ...known.slice(1)], '(0001)'],
    ['no hash was kept', [{ name: '0001', sha256: undefined }], '(0001)'],
    ['a file is gone', [known[0]!, known[1]!, file('0003')], '(0003)'],
    ['a file was put between those that are applied', [known[0]!, known[2]!], '(0002)'],
    ['much differs', ['0000', '0001', '0002', '0003', '0004'].map(name => file(name, 'x')), '(0000, 0001, and 3 more)'],
  ])('refuses a database of another build, where %s', (_, applied, named) => {
    const check = () => checkContinues(applied, known)
    expect(check).toThrow(OtherBuildError)
    expect(check).toThrow(named)
    expect(check).toThrow('not an upgrade of it')
  })

  test('tells a newer Mayfly from another build', () => {
    expect(() => checkContinues([...known, file('0005')], known)).toThrow('migrated by a newer Mayfly (0005)')
  })
})

describe('hashStatements', () => {
  const line = fc.constantFrom('select 1;', '  from t', "insert into t values ('-- no comment');")
  const idle = fc.constantFrom('', '   ', '-- why', '  -- why')

  test('does not move when comments, blank lines or line ends do', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(idle), fc.constantFrom('\n', '\r\n'), (lines, more, end) => {
        expect(hashStatements([...more, ...lines.flatMap(one => [`${one} `, ...more])].join(end))).toBe(
          hashStatements(lines.join('\n')),
        )
      }),
    )
  })

  test('moves when a statement does', () => {
    expect(hashStatements('create table t (a int);')).not.toBe(hashStatements('create table t (a int, b int);'))
    expect(hashStatements('select 1 -- a\n;')).not.toBe(hashStatements('select 1;'))
  })
})

describe('a migrated database', () => {
  let own: TestDatabase
  beforeAll(async () => {
    own = await createTestDatabase()
  })
  afterAll(() => own.close())

  test('is taken by the build that made it, whose broker cannot touch what it remembers', async () => {
    expect(await migrate(own.urls.migrate)).toEqual([])
    await checkSchemaVersion(own.database.db)
    const [{ same }] = await own.admin<[{ same: boolean }]>`
      select array(select name from migration.applied order by 1) = array(select name::varchar from migration.statements order by 1) as same`
    expect(same).toBe(true)
    await expect(own.database.sql`delete from migration.statements`).rejects.toMatchObject({ code: '42501' })
  })

  test('is refused by migration step, broker and worker when a file was edited since, and left as it is', async () => {
    await own.admin`update migration.statements set sha256 = 'other' where name = '0002_accounts'`
    const count = async () => (await own.admin`select from migration.applied`).length
    const before = await count()
    await expect(migrate(own.urls.migrate)).rejects.toMatchObject({ hint: expect.stringContaining('(0002_accounts)') })
    await expect(checkSchemaVersion(own.database.db)).rejects.toThrow(OtherBuildError)
    expect(await count()).toBe(before)
  })

  test('is refused where an older build kept no hashes', async () => {
    await own.admin`drop table migration.statements`
    await expect(migrate(own.urls.migrate)).rejects.toThrow(OtherBuildError)
  })
})
