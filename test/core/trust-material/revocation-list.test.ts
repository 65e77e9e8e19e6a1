import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
} from '#apps/standalone/dev-ca.ts'
import { judgeRevocation } from '#core/trust-material/judge-revocation.ts'
import { readRevocationLists } from '#core/trust-material/revocation-list.ts'
import { listToPem, makeRevocationList, type RevocationListInput } from '#test/setup/revocation-lists.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const now = new Date(nowMs)
let ca: CertificateAuthority
let other: CertificateAuthority
let good: IssuedCertificate
let bad: IssuedCertificate
beforeAll(async () => {
  ca = await createDevCa({ now, commonName: 'CA' })
  other = await createDevCa({ now, commonName: 'CA' })
  good = await issueClientCertificate(ca, { now, uris: ['spiffe://x/good'] })
  bad = await issueClientCertificate(ca, { now, uris: ['spiffe://x/bad'] })
})

const certificate = ({ certificatePem }: { certificatePem: string }) => new X509Certificate(certificatePem)
const make = (input: Partial<RevocationListInput> = {}, by = ca) => makeRevocationList(by, { now, revoked: [bad], ...input })
const judge = (lists: Buffer[], leaf: IssuedCertificate, atMs = nowMs) =>
  judgeRevocation(lists.flatMap(readRevocationLists), certificate(leaf), certificate(ca), atMs)

test('who is on a list is revoked, whoever is on none is good', async () => {
  const list = await make()
  expect([judge([list], bad), judge([list], good)]).toEqual(['revoked', 'good'])
  expect(judge([await make({ revoked: [] })], bad)).toBe('good')
})

test('PEM with several lists is read as DER is', async () => {
  const pem = Buffer.from(`# two\n${listToPem(await make({ revoked: [] }))}${listToPem(await make())}`)
  expect([judge([pem], bad), judge([pem], good)]).toEqual(['revoked', 'good'])
})

test('nobody is good by a list of another issuer, of one with the same name and another key, or by none', async () => {
  expect(judge([], good)).toBe('not_covered')
  expect(judge([await make({}, other)], good)).toBe('not_covered')
  expect(judge([await make({}, await createDevCa({ now, commonName: 'Other' }))], good)).toBe('not_covered')
})

test('a list that has ended or not begun says who is revoked, and not who is good', async () => {
  const ended = await make({ nextUpdate: new Date(nowMs) })
  const early = await make({ thisUpdate: new Date(nowMs + 1000) })
  for (const list of [ended, early]) expect([judge([list], bad), judge([list], good)]).toEqual(['revoked', 'not_covered'])
  expect(judge([ended], good, nowMs - 1000)).toBe('good')
  expect(judge([ended, await make()], good)).toBe('good')
})

test('a certificate that any list names is revoked, whatever the newer ones say', async () => {
  expect(judge([await make({ revoked: [] }), await make()], bad)).toBe('revoked')
})

describe('a list is refused that', () => {
  const critical = (id: string) => new x509.Extension(id, true, new Uint8Array([0x30, 0]))
  test.each([
    ['does not say until when it holds', { nextUpdate: null }, /until when/],
    ['covers the certificates of a distribution point', { extensions: [critical('2.5.29.28')] }, /covers only a part/],
    ['is a delta', { extensions: [critical('2.5.29.27')] }, /covers only a part/],
    ['has a critical extension that nobody knows', { extensions: [critical('1.2.3')] }, /covers only a part/],
    ['speaks for another issuer', { entryExtensions: [critical('2.5.29.29')] }, /another issuer/],
    ['is signed over SHA-1', { signingAlgorithm: { hash: 'SHA-1' } }, /algorithm/],
  ] as [string, Partial<RevocationListInput>, RegExp][])('%s', async (_, input, reason) => {
    const list = await make(input)
    expect(() => readRevocationLists(list)).toThrow(reason)
  })

  test('is none, is cut short, or brings a key', async () => {
    const list = await make()
    expect(() => readRevocationLists(Buffer.from('nonsense'))).toThrow(/not a readable/)
    expect(() => readRevocationLists(Buffer.alloc(0))).toThrow(/not a readable/)
    expect(() => readRevocationLists(list.subarray(0, -1))).toThrow(/not a readable/)
    expect(() => readRevocationLists(Buffer.from(listToPem(list) + ca.keyPem))).toThrow(/private key/)
  })
})

test('a list of which any byte was changed makes nobody good who is not', async () => {
  const list = await make()
  fc.assert(
    fc.property(fc.nat(list.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(list)
      changed[at]! ^= flip
      try {
        return judge([changed], bad) !== 'good'
      } catch {
        return true
      }
    }),
    { numRuns: 300 },
  )
})
