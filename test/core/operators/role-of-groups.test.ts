import { describe, expect, test } from 'vitest'
import { groupsAt, roleOfGroups } from '#core/operators/sign-in/role-of-groups.ts'

const config = {
  groups_claim: 'groups',
  scopes: ['openid'],
  session_ttl_seconds: 60,
  rules: [
    { group: 'auditors', role: 'auditor' },
    { group: 'admins', role: 'tenant-admin' },
  ],
} as const

describe('groups', () => {
  test.each([
    [{ groups: ['a', 'b'] }, 'groups', ['a', 'b']],
    [{ groups: 'a' }, 'groups', ['a']],
    [{ groups: ['a', 1, null, ['b'], { c: 1 }] }, 'groups', ['a']],
    [{ realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
    [{ 'https://x.example/groups': ['a'] }, 'https://x.example/groups', ['a']],
    [{ groups: { a: true } }, 'groups', []],
    [{}, 'groups', []],
    [{}, 'constructor', []],
    [{}, '__proto__', []],
    [null, 'groups', []],
  ])('of %j at %s are %j', (claims, path, groups) => {
    expect(groupsAt(claims, path)).toEqual(groups)
  })
})

describe('the role', () => {
  test('is that of the first rule whose group the person has', () => {
    expect(roleOfGroups(config, { groups: ['admins', 'auditors'] })).toBe('auditor')
    expect(roleOfGroups(config, { groups: ['admins'] })).toBe('tenant-admin')
  })

  test.each(['', 'Admins', 'admins ', 'admin', 'admins2'])('is none for a group that is called %j', group => {
    expect(roleOfGroups(config, { groups: [group] })).toBeUndefined()
  })
})
