// Revocation lists of test authorities.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { CertificateAuthority, IssuedCertificate } from '#apps/standalone/dev-ca.ts'

const dayMs = 86_400_000

export interface RevocationListInput {
  readonly now: Date
  readonly revoked?: readonly (IssuedCertificate | CertificateAuthority)[]
  readonly thisUpdate?: Date
  /** null: none. Default: a day later. */
  readonly nextUpdate?: Date | null
  readonly extensions?: x509.Extension[]
  readonly entryExtensions?: x509.Extension[]
  readonly signingAlgorithm?: object
}

/** DER. */
export async function makeRevocationList(ca: CertificateAuthority, input: RevocationListInput): Promise<Buffer> {
  const list = await x509.X509CrlGenerator.create({
    issuer: ca.certificate.subjectName,
    thisUpdate: input.thisUpdate ?? new Date(input.now.getTime() - 60_000),
    ...(input.nextUpdate !== null && { nextUpdate: input.nextUpdate ?? new Date(input.now.getTime() + dayMs) }),
    entries: (input.revoked ?? []).map(({ certificatePem }) => ({
      serialNumber: new X509Certificate(certificatePem).serialNumber,
      revocationDate: input.now,
      ...(input.entryExtensions && { extensions: input.entryExtensions }),
    })) as x509.X509CrlEntryParams[],
    extensions: input.extensions ?? [],
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256', ...input.signingAlgorithm },
    signingKey: ca.key,
  })
  return Buffer.from(list.rawData)
}

export const listToPem = (der: Buffer): string =>
  `-----BEGIN X509 CRL-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`
