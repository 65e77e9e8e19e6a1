// Who vouches for a certificate, and by which name: SPIFFE trust domains, pinned keys, and authorities with revocation lists.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  backdateMs,
  type CertificateAuthority,
  caExtensions,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueLeaf,
} from '#apps/standalone/dev-ca.ts'
import type { AgentRule } from '#core/registry/agent.ts'
import type { SpiffeTrustSource, TrustSource } from '#core/registry/trust-source.ts'
import type { CrlConfig } from '#core/registry/trust-source-kinds/x509-ca.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { TrustMaterial } from '#core/trust-material/trust-material.ts'
import { makeBundle } from '#test/core/trust-material/bundles.ts'
import { issueIntermediateCa } from '#test/setup/certificates.ts'
import { makeSelfSigned } from '#test/setup/openssl-like-certificate.ts'
import { listToPem, makeRevocationList } from '#test/setup/revocation-lists.ts'
import { nowMs, oddLeaf } from './odd-certificates.ts'
import { makeAgent, makeSnapshot, x509Source } from './snapshot.ts'

const now = new Date(nowMs)
const minuteMs = 60_000
const id = 'spiffe://example.org/agents/reporter'

let ca: CertificateAuthority
let otherCa: CertificateAuthority
let served: Buffer | Error
let material: TrustMaterial
let subjects: CertificateSubjects
beforeAll(async () => {
  ca = await createDevCa({ now, commonName: 'CA', pathLength: 1 })
  otherCa = await createDevCa({ now, commonName: 'CA', pathLength: 1 })
})
beforeEach(() => {
  served = new Error('down')
  material = new TrustMaterial(async () => {
    if (served instanceof Error) throw served
    return served
  })
  subjects = new CertificateSubjects(material)
})

const present = ({ chainPem }: IssuedCertificate): PresentedCertificate => {
  const [leaf, ...chain] = chainPem.split(/(?<=-----END CERTIFICATE-----\n)/).map(pem => new X509Certificate(pem))
  return presentCertificate(leaf!, () => chain)
}
const snapshotOf = (sources: TrustSource[], ...rules: AgentRule[]) => makeSnapshot({ sources, agents: [makeAgent(rules)] })
function outcome(snapshot: ReturnType<typeof makeSnapshot>, presented: PresentedCertificate, atMs = nowMs): string {
  const result = subjects.verify(snapshot, presented, atMs)
  return result.ok ? result.subject.foreign.subject : result.reason
}
const refresh = async (atMs: number) => {
  material.refreshDue(atMs)
  await new Promise(setImmediate)
}

describe('a SPIFFE trust domain', () => {
  const source = (change: Partial<SpiffeTrustSource> = {}): SpiffeTrustSource => ({
    kind: 'spiffe',
    id: 'mesh',
    name: 'mesh',
    trustDomain: 'example.org',
    bundle: makeBundle([ca]),
    bundleUrl: undefined,
    caPem: undefined,
    ...change,
  })
  const rule: AgentRule = { trust_source: 'mesh', spiffe_id: 'spiffe://example.org/agents/*' }
  const svid = (uris: string[], from = ca) => issueClientCertificate(from, { now, uris })

  test('vouches for an X.509-SVID by its whole ID, under the name of the trust domain', async () => {
    const result = subjects.verify(snapshotOf([source()], rule), present(await svid([id])), nowMs)
    expect(result).toMatchObject({
      ok: true,
      subject: { trustSourceId: 'mesh', foreign: { issuer: 'spiffe://example.org', subject: id }, byCertificate: true },
    })
  })

  test('walks intermediates up to its own bundle', async () => {
    const intermediate = await issueIntermediateCa(ca, { now, commonName: 'Below' })
    expect(outcome(snapshotOf([source()], rule), present(await svid([id], intermediate)))).toBe(id)
  })

  test.each([
    ['of another trust domain', ['spiffe://example.com/agents/reporter'], 'untrusted_certificate'],
    ['with two IDs', [id, `${id}2`], 'untrusted_certificate'],
    ['without a path', ['spiffe://example.org'], 'untrusted_certificate'],
    ['that is no SPIFFE ID', ['https://example.org/agents/reporter'], 'untrusted_certificate'],
    ['in another spelling', ['spiffe://example.org/agents/../agents/reporter'], 'untrusted_certificate'],
    ['of nobody registered', ['spiffe://example.org/others/reporter'], 'unknown_agent'],
  ])('does not vouch for a certificate %s', async (_, uris, reason) => {
    expect(outcome(snapshotOf([source()], rule), present(await svid(uris)))).toBe(reason)
  })

  test('does not vouch for what another source’s authority signed, though the same tenant trusts it (row 31)', async () => {
    const sources = [source(), x509Source('ca', otherCa.certificatePem)]
    const forged = present(await svid([id], otherCa))
    expect(outcome(snapshotOf(sources, rule), forged)).toBe('unknown_agent')
    expect(
      outcome(
        snapshotOf([source(), source({ id: 'other', trustDomain: 'other.org', bundle: makeBundle([otherCa]) })], rule),
        forged,
      ),
    ).toBe('untrusted_certificate')
  })

  const client = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])
  const usages = (flags: number) => new x509.KeyUsagesExtension(flags, true)
  test.each([
    ['without key usage', [client]],
    ['that may not sign', [client, usages(x509.KeyUsageFlags.keyAgreement)]],
    ['that may sign certificates', [client, usages(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign)]],
    ['that may sign lists', [client, usages(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.cRLSign)]],
    ['that is an authority', [client, ...caExtensions(0)]],
  ])('does not vouch for a leaf %s', async (_, extensions) => {
    expect(outcome(snapshotOf([source()], rule), present(await oddLeaf(ca, id, extensions, {})))).toBe('untrusted_certificate')
    const good = await oddLeaf(ca, id, [client, usages(x509.KeyUsageFlags.digitalSignature)], {})
    expect(outcome(snapshotOf([source()], rule), present(good))).toBe(id)
  })

  test('whose bundle cannot be had vouches for nobody and says so, to its own workloads only', async () => {
    const remote = source({ bundle: undefined, bundleUrl: 'https://bundle.example/' })
    const snapshot = snapshotOf([remote], rule)
    await material.follow(snapshot, nowMs)
    expect(outcome(snapshot, present(await svid([id])))).toBe('bundle_unavailable')
    expect(outcome(snapshot, present(await svid(['spiffe://example.com/x'])))).toBe('untrusted_certificate')
  })

  test('whose bundle has changed is asked anew, for connections that are open too', async () => {
    served = Buffer.from(JSON.stringify(makeBundle([ca])))
    const snapshot = snapshotOf([source({ bundle: undefined, bundleUrl: 'https://bundle.example/' })], rule)
    await material.follow(snapshot, nowMs)
    const [old, fresh] = [present(await svid([id])), present(await svid([id], otherCa))]
    expect([outcome(snapshot, old), outcome(snapshot, fresh)]).toEqual([id, 'untrusted_certificate'])
    served = Buffer.from(JSON.stringify(makeBundle([otherCa])))
    await refresh(nowMs + 5 * minuteMs)
    expect([outcome(snapshot, old), outcome(snapshot, fresh)]).toEqual(['untrusted_certificate', id])
  })
})

describe('pinned keys', () => {
  const pinned: TrustSource = { kind: 'pinned', id: 'laptops', name: 'laptops' }
  const ruleFor = (presented: PresentedCertificate): AgentRule => ({
    trust_source: 'laptops',
    certificate_thumbprint: presented.thumbprint,
  })
  const selfSigned = async (notAfter?: Date) => present(await makeSelfSigned(now, notAfter))

  test('a self-signed certificate is known by its thumbprint alone', async () => {
    const own = await selfSigned()
    const snapshot = snapshotOf([pinned], ruleFor(own))
    expect(outcome(snapshot, own)).toBe(own.thumbprint)
    expect(outcome(snapshot, await selfSigned())).toBe('unknown_agent')
  })

  test('it ends when it says', async () => {
    const own = await selfSigned(new Date(nowMs + 1_000))
    expect(outcome(snapshotOf([pinned], ruleFor(own)), own, nowMs + 1_000)).toBe('certificate_expired')
  })

  test('one that an authority signed is not self-signed, though its thumbprint is registered', async () => {
    const signed = present(await issueClientCertificate(ca, { now, uris: [id] }))
    expect(outcome(snapshotOf([pinned], ruleFor(signed)), signed)).toBe('untrusted_certificate')
  })

  test('a rule of another kind of source pins nothing', async () => {
    const own = await selfSigned()
    const rule = { ...ruleFor(own), trust_source: 'ca' }
    expect(outcome(snapshotOf([x509Source('ca', ca.certificatePem)], rule), own)).toBe('untrusted_certificate')
  })
})

describe('names of RFC 8705 § 2.1.2', () => {
  const leaf = async (...names: x509.JsonGeneralName[]) =>
    present(
      await issueLeaf(ca, {
        commonName: 'w',
        names,
        usages: [x509.ExtendedKeyUsage.clientAuth],
        notBefore: new Date(nowMs - backdateMs),
        notAfter: new Date(nowMs + 3_600_000),
      }),
    )
  const known = (rule: Partial<AgentRule>) =>
    snapshotOf([x509Source('ca', ca.certificatePem)], { trust_source: 'ca', ...rule } as AgentRule)
  test.each([
    ['san_ip', '10.1.2.3', { type: 'ip', value: '10.1.2.3' }],
    ['san_ip', '2001:db8::1', { type: 'ip', value: '2001:db8:0:0:0:0:0:1' }],
    ['san_email', 'robot@example.org', { type: 'email', value: 'robot@EXAMPLE.org' }],
    ['san_dns', 'robot.example.org', { type: 'dns', value: 'robot.example.org' }],
  ] as [string, string, x509.JsonGeneralName][])('%s %s', async (member, name, written) => {
    const snapshot = known({ [member]: name })
    expect(outcome(snapshot, await leaf(written))).toBe(name)
    expect(outcome(snapshot, await leaf(written, written))).toBe('unknown_agent')
    expect(outcome(snapshot, await leaf({ type: 'url', value: `https://${name}/` }))).toBe('unknown_agent')
  })

  test('a name of one type is not one of another', async () => {
    expect(outcome(known({ san_dns: '10.1.2.3' }), await leaf({ type: 'ip', value: '10.1.2.3' }))).toBe('unknown_agent')
    expect(outcome(known({ san_ip: '10.1.2.3' }), await leaf({ type: 'dns', value: '10.1.2.3' }))).toBe('unknown_agent')
  })
})

describe('an authority with revocation lists', () => {
  const rule: AgentRule = { trust_source: 'ca', san_uri: id }
  const snapshotWith = (crl: CrlConfig) => snapshotOf([{ ...x509Source('ca', ca.certificatePem), crl }], rule)
  const pemOf = async (...args: Parameters<typeof makeRevocationList>) => listToPem(await makeRevocationList(...args))
  let good: IssuedCertificate
  let bad: IssuedCertificate
  beforeAll(async () => {
    good = await issueClientCertificate(ca, { now, uris: [id] })
    bad = await issueClientCertificate(ca, { now, uris: [id] })
  })

  test('vouches for who is on none of them, and for nobody without a current one', async () => {
    const snapshot = snapshotWith({ pem: [await pemOf(ca, { now, revoked: [bad] })] })
    expect([outcome(snapshot, present(good)), outcome(snapshot, present(bad))]).toEqual([id, 'certificate_revoked'])
    const ended = snapshotWith({ pem: [await pemOf(ca, { now, revoked: [bad], nextUpdate: now })] })
    expect([outcome(ended, present(good)), outcome(ended, present(bad))]).toEqual(['revocation_unknown', 'certificate_revoked'])
    const foreign = snapshotWith({ pem: [await pemOf(otherCa, { now })] })
    expect(outcome(foreign, present(good))).toBe('revocation_unknown')
  })

  test('needs a list of each authority below the anchor’s too, and revokes with it all that it issued', async () => {
    const below = await issueIntermediateCa(ca, { now, commonName: 'Below' })
    const leaf = await issueClientCertificate(below, { now, uris: [id] })
    const [root, own] = [await pemOf(ca, { now }), await pemOf(below, { now })]
    expect(outcome(snapshotWith({ pem: [root] }), present(leaf))).toBe('revocation_unknown')
    expect(outcome(snapshotWith({ pem: [own] }), present(leaf))).toBe('revocation_unknown')
    expect(outcome(snapshotWith({ pem: [root, own] }), present(leaf))).toBe(id)
    const against = await pemOf(ca, { now, revoked: [below] })
    expect(outcome(snapshotWith({ pem: [against, own] }), present(leaf))).toBe('certificate_revoked')
  })

  test('from an address: revoked within the refresh, on open connections too; unreachable or unreadable: nobody', async () => {
    const snapshot = snapshotWith({ url: 'https://lists.example/crl' })
    const connection = present(good)
    await material.follow(snapshot, nowMs)
    expect(outcome(snapshot, connection)).toBe('revocation_unknown')
    served = await makeRevocationList(ca, { now })
    await refresh(nowMs + minuteMs)
    expect(outcome(snapshot, connection)).toBe(id)
    served = await makeRevocationList(ca, { now, revoked: [good] })
    await refresh(nowMs + 6 * minuteMs)
    expect(outcome(snapshot, connection)).toBe('certificate_revoked')
    served = Buffer.from('<html>')
    await refresh(nowMs + 11 * minuteMs)
    expect(outcome(snapshot, connection)).toBe('revocation_unknown')
  })

  test('a list that says nothing of who signed the certificate through another source leaves that source alone', async () => {
    const crl = { pem: [await pemOf(ca, { now, revoked: [bad] })] }
    const sources = [{ ...x509Source('ca', ca.certificatePem), crl }, x509Source('open', ca.certificatePem)]
    expect(outcome(snapshotOf(sources, { trust_source: 'open', san_uri: id }), present(bad))).toBe(id)
    expect(outcome(snapshotOf(sources, rule), present(bad))).toBe('certificate_revoked')
  })
})
