import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CertificateAuthority, createDevCa, issueClientCertificate } from '#apps/standalone/dev-ca.ts'
import type { SpiffeTrustSource } from '#core/registry/trust-source.ts'
import { readSpiffeBundle } from '#core/trust-material/spiffe-bundle.ts'
import { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { makeSnapshot } from '#test/core/subject/snapshot.ts'
import { makeRevocationList } from '#test/setup/revocation-lists.ts'
import { makeBundle } from './bundles.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')
const now = new Date(nowMs)
const minuteMs = 60_000
const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: 'k1' }

let ca: CertificateAuthority
beforeAll(async () => {
  ca = await createDevCa({ now })
})

describe('a bundle', () => {
  test('says by use which keys vouch for which SVIDs; other keys are passed over', () => {
    const document = makeBundle([ca], { jwtKeys: [jwk], hint: 60 })
    ;(document['keys'] as object[]).push({ kty: 'EC', use: 'sig' }, { kty: 'oct', k: 'AAAA' }, {})
    const { bundle, faults } = readSpiffeBundle(document)
    expect(faults).toEqual([])
    expect(bundle.authorities.map(({ subject }) => subject)).toHaveLength(1)
    expect([...bundle.jwtKeys.keys()]).toEqual(['k1'])
    expect(bundle.refreshHintSeconds).toBe(60)
  })

  test.each([
    ['two certificates in x5c', { use: 'x509-svid', x5c: ['AAAA', 'AAAA'] }],
    ['no x5c', { use: 'x509-svid' }],
    ['no certificate in x5c', { use: 'x509-svid', x5c: ['AAAA'] }],
    ['a JWT key without kid', { ...jwk, use: 'jwt-svid', kid: undefined }],
    ['a symmetric JWT key', { kty: 'oct', k: 'c2VjcmV0', kid: 'k', use: 'jwt-svid' }],
  ])('with %s is found faulty', (_, key) => {
    expect(readSpiffeBundle({ keys: [key] }).faults).toHaveLength(1)
  })

  test('whose authority is a leaf is found faulty', async () => {
    const leaf = await issueClientCertificate(ca, { now, uris: ['spiffe://example.org/x'] })
    const x5c = [leaf.certificatePem.replaceAll(/-----[^-]+-----|\n/g, '')]
    expect(readSpiffeBundle({ keys: [{ use: 'x509-svid', x5c }] }).faults).toEqual([
      'keys/0: The certificate in x5c is not one of a certificate authority (CA=TRUE).',
    ])
  })

  test.each([[undefined], [null], ['x'], [{}], [{ keys: {} }], [{ keys: Array(65).fill({}) }]])('is not %j', document => {
    expect(() => readSpiffeBundle(document)).toThrow()
  })
})

describe('followed from its address', () => {
  const source: SpiffeTrustSource = {
    kind: 'spiffe',
    id: 'mesh',
    name: 'mesh',
    trustDomain: 'example.org',
    bundle: undefined,
    bundleUrl: 'https://bundle.example/',
    caPem: undefined,
  }
  const snapshot = makeSnapshot({ sources: [source] })
  let served: string | Error
  let fetches: number
  let material: TrustMaterial
  beforeEach(() => {
    fetches = 0
    material = new TrustMaterial(async () => {
      fetches++
      if (served instanceof Error) throw served
      return Buffer.from(served)
    })
  })
  const refresh = async (atMs: number) => {
    const before = fetches
    material.refreshDue(atMs)
    await new Promise(setImmediate)
    return fetches - before
  }

  test.each([
    ['60 s', 60, minuteMs],
    ['a second, but not so often', 1, minuteMs / 2],
    ['a week, but not so seldom', 604_800, 30 * minuteMs],
    ['nothing, so five minutes', undefined, 5 * minuteMs],
  ])('it is fetched again as it hints: %s', async (_, hint, afterMs) => {
    served = JSON.stringify(makeBundle([ca], hint === undefined ? {} : { hint }))
    await material.follow(snapshot, nowMs)
    expect([await refresh(nowMs + afterMs - 1), await refresh(nowMs + afterMs)]).toEqual([0, 1])
  })

  test('while its address fails or talks nonsense, it is used for an hour and not longer', async () => {
    served = JSON.stringify(makeBundle([ca]))
    await material.follow(snapshot, nowMs)
    served = new Error('down')
    await refresh(nowMs + 5 * minuteMs)
    served = JSON.stringify({ keys: [{ use: 'x509-svid', x5c: [] }] })
    await refresh(nowMs + 10 * minuteMs)
    expect(material.bundleOf(source, nowMs + 60 * minuteMs - 1)?.authorities).toHaveLength(1)
    expect(material.bundleOf(source, nowMs + 60 * minuteMs)).toBeUndefined()
    await expect(material.findJwtSvidKey(source, 'k1', 'ES256', nowMs + 60 * minuteMs)).rejects.toMatchObject({
      code: 'trust_source_unavailable',
    })
  })

  test('an authority or key that it does not hold any more is gone with the next fetch', async () => {
    served = JSON.stringify(makeBundle([ca], { jwtKeys: [jwk] }))
    await material.follow(snapshot, nowMs)
    expect(await material.findJwtSvidKey(source, 'k1', 'ES256', nowMs)).toBeDefined()
    expect(await material.findJwtSvidKey(source, 'k1', 'RS256', nowMs)).toBeUndefined()
    expect(await material.findJwtSvidKey(source, undefined, 'ES256', nowMs)).toBeUndefined()
    const before = material.generationOf(snapshot.tenant.id)
    served = JSON.stringify(makeBundle([]))
    await refresh(nowMs + 5 * minuteMs)
    expect(material.bundleOf(source, nowMs)?.authorities).toEqual([])
    expect(await material.findJwtSvidKey(source, 'k1', 'ES256', nowMs)).toBeUndefined()
    expect(material.generationOf(snapshot.tenant.id)).toBeGreaterThan(before)
  })
})

describe('revocation lists from an address', () => {
  const source = {
    kind: 'x509_ca' as const,
    id: 'ca',
    name: 'ca',
    anchorsPem: [],
    crl: { url: 'https://lists.example/crl' },
  }
  test('are read again every five minutes; what cannot be read is taken for no list at all', async () => {
    let served = await makeRevocationList(ca, { now })
    const faults: unknown[] = []
    const material = new TrustMaterial(
      async () => served,
      undefined,
      (_, fault) => faults.push(fault),
    )
    await material.follow(makeSnapshot({ sources: [source] }), nowMs)
    const [first] = material.revocationListsOf(source, nowMs)!
    expect(first?.revoked.size).toBe(0)
    material.refreshDue(nowMs + 5 * minuteMs)
    await new Promise(setImmediate)
    expect(material.revocationListsOf(source, nowMs)![0]).toBe(first)
    served = Buffer.from('<html>')
    material.refreshDue(nowMs + 10 * minuteMs)
    await vi.waitFor(() => expect(material.revocationListsOf(source, nowMs)).toBeUndefined())
    expect(String(faults[0])).toMatch(/not a readable/)
  })
})
