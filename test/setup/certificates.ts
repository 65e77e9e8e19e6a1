// Certificates that a trust source must refuse, each wrong in exactly one way, and the good one beside which they stand.

import * as x509 from '@peculiar/x509'
import {
  backdateMs,
  type CertificateAuthority,
  caExtensions,
  createDevCa,
  distinguishedName,
  type IssuedCertificate,
  issueClientCertificate,
  issueLeaf,
  keyToPem,
  type LeafTemplate,
  newKeys,
  newSerialNumber,
  toPem,
} from '#apps/standalone/dev-ca.ts'

const hourMs = 3_600_000

/** The names of the wrong certificates that `makeCertificates` gives. */
export type BadCertificate =
  | 'expired'
  | 'notYetValid'
  | 'otherCa'
  | 'sameNameOtherKey'
  | 'noClientAuth'
  | 'noUsage'
  | 'belowPathLength'
  | 'issuedByLeaf'
  | 'twoUris'
  | 'otherUri'

export interface CertificateSet {
  ca: CertificateAuthority
  good: IssuedCertificate
  bad: Record<BadCertificate, IssuedCertificate>
}

/** A CA, a good client certificate for `uri` from it, and every wrong one for the same name. */
export async function makeCertificates(now: Date, uri = 'spiffe://example.test/agent/reporter'): Promise<CertificateSet> {
  const ca = await createDevCa({ now, commonName: 'Test CA' })
  const good = await issueClientCertificate(ca, { now, uris: [uri] })
  const leaf = (from: CertificateAuthority, change: Partial<LeafTemplate> = {}) =>
    issueLeaf(from, { ...clientTemplate(now, uri), ...change })
  return {
    ca,
    good,
    bad: {
      expired: await leaf(ca, { notBefore: new Date(now.getTime() - 2 * hourMs), notAfter: new Date(now.getTime() - hourMs) }),
      notYetValid: await leaf(ca, { notBefore: new Date(now.getTime() + hourMs) }),
      otherCa: await leaf(await createDevCa({ now, commonName: 'Other CA' })),
      sameNameOtherKey: await leaf(await createDevCa({ now, commonName: 'Test CA' })),
      noClientAuth: await leaf(ca, { usages: [x509.ExtendedKeyUsage.serverAuth] }),
      noUsage: await leaf(ca, { usages: [] }),
      belowPathLength: await leaf(await issueIntermediateCa(ca, { now, commonName: 'Intermediate that the root forbids' })),
      issuedByLeaf: await leaf(await signingLeaf(ca, now)),
      twoUris: await leaf(ca, {
        names: [
          { type: 'url', value: uri },
          { type: 'url', value: `${uri}-2` },
        ],
      }),
      otherUri: await leaf(ca, { names: [{ type: 'url', value: `${uri}-2` }] }),
    },
  }
}

/** A CA below `parent`. Signs it whether or not the parent's path length allows one: tests need both. */
export async function issueIntermediateCa(
  parent: CertificateAuthority,
  input: { now: Date; commonName: string; pathLength?: number },
): Promise<CertificateAuthority> {
  return issueBelow(parent, input, caExtensions(input.pathLength ?? 0))
}

/** A leaf (CA=FALSE) whose key signs certificates all the same. */
async function signingLeaf(ca: CertificateAuthority, now: Date): Promise<CertificateAuthority> {
  return issueBelow(ca, { now, commonName: 'Leaf that plays CA' }, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  ])
}

async function issueBelow(
  parent: CertificateAuthority,
  input: { now: Date; commonName: string },
  extensions: x509.Extension[],
): Promise<CertificateAuthority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: distinguishedName(input.commonName),
    issuer: parent.certificate.subjectName,
    notBefore: new Date(input.now.getTime() - backdateMs),
    notAfter: parent.certificate.notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: parent.key,
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(parent.certificate.publicKey),
    ],
  })
  return { certificatePem: toPem(certificate), keyPem: await keyToPem(keys.privateKey), certificate, key: keys.privateKey }
}

const clientTemplate = (now: Date, uri: string): LeafTemplate => ({
  commonName: 'workload',
  names: [{ type: 'url', value: uri }],
  usages: [x509.ExtendedKeyUsage.clientAuth],
  notBefore: new Date(now.getTime() - backdateMs),
  notAfter: new Date(now.getTime() + 24 * hourMs),
})
