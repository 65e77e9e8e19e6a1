import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { ListNames } from '#core/status-list/list-names.ts'

const names = new ListNames(randomBytes(32))
const [tenant, other, list] = [randomUUID(), randomUUID(), randomUUID()]
const name = names.write(tenant, list)
const [id = '', mac = ''] = name.split('.')

test('a list is found by its name, under its tenant', () => {
  expect(names.read(tenant, name)).toBe(list)
  expect(name).toMatch(/^stl_[0-9a-f]{32}\.[A-Za-z0-9_-]{22}$/)
})

test.each([
  ['of another tenant', names.write(other, list)],
  ['of another deployment', new ListNames(randomBytes(32)).write(tenant, list)],
  ['with another list’s MAC', `${names.write(tenant, randomUUID()).split('.')[0]}.${mac}`],
  ['without its MAC', id],
  ['with an empty MAC', `${id}.`],
  ['with a longer MAC', `${name}A`],
  ['with another last letter', `${name.slice(0, -1)}${name.endsWith('A') ? 'B' : 'A'}`],
  ['of another kind', name.replace('stl_', 'acct_')],
  ['in capitals', name.toUpperCase()],
  ['empty', ''],
  ['a path', '../jwks'],
])('a name %s names nothing', (_, wrong) => {
  expect(names.read(tenant, wrong)).toBeUndefined()
})
