import { describe, expect, test } from 'vitest'
import { type ClaimableBy, findClaimableByFaults, mayClaim } from '#core/claim/claimable-by.ts'
import { formatId, newUuid } from '#core/ids/id.ts'

const [providerId, otherProvider] = [newUuid(), newUuid()]
const wire = (id: string) => formatId('signInProvider', id)
const claimer = { person: { issuer: 'https://login.example', subject: 'sam' }, providerId, groups: ['ops', 'claimers'] }
const sam = { issuer: 'https://login.example', subject: 'sam' }

describe('an account may be claimed', () => {
  test.each<[string, ClaimableBy | undefined, boolean]>([
    ['by nobody where the registration says nothing', undefined, false],
    ['by nobody where it names nothing', {}, false],
    ['by nobody where a list is empty', { groups: [] }, false],
    ['by whoever came through the provider', { providers: [wire(providerId)] }, true],
    ['not through another one', { providers: [wire(otherProvider)] }, false],
    ['not by what only looks like the provider', { providers: [providerId] }, false],
    ['by a member of the group', { groups: ['none', 'claimers'] }, true],
    ['not by a member of one that is called alike', { groups: ['Claimers', 'claimer', 'claimers '] }, false],
    ['by the person', { subjects: [sam] }, true],
    ['not by the same subject of another issuer', { subjects: [{ ...sam, issuer: 'https://evil.example' }] }, false],
    ['by who fits every member', { providers: [wire(providerId)], groups: ['ops'], subjects: [sam] }, true],
    ['not by who fits all but one', { providers: [wire(otherProvider)], groups: ['ops'], subjects: [sam] }, false],
    ['not by who fits all but another', { providers: [wire(providerId)], groups: ['admins'], subjects: [sam] }, false],
  ])('%s', (_what, rule, expected) => {
    expect(mayClaim(rule, claimer)).toBe(expected)
  })
})

test('a rule that names nothing is refused, so that nobody takes it for "anybody"', () => {
  expect(findClaimableByFaults({})).toHaveLength(1)
  expect(findClaimableByFaults({ groups: ['a'] })).toEqual([])
})
