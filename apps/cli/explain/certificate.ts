import { createHash, X509Certificate } from 'node:crypto'
import { CliError } from '../cli-error.ts'
import { type Explanation, lines, validityText } from './explanation.ts'

/** The basics of a certificate, or of the first of a chain. Throws a CliError for PEM that holds none. */
export function explainCertificate(pem: string, nowSeconds: number): Explanation {
  const certificates = (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(read)
  const [first, ...others] = certificates
  if (!first) throw new CliError({ what: 'This PEM holds no certificate.', why: 'Nothing else in PEM is explained here.' })
  const [from, until] = [first.validFrom, first.validTo].map(text => Math.floor(Date.parse(text) / 1000))
  const thumbprint = createHash('sha256').update(first.raw).digest('base64url')
  const spiffe = /URI:(spiffe:\/\/[^,\s]+)/.exec(first.subjectAltName ?? '')?.[1]
  return {
    kind: first.ca ? 'certificate of an authority' : 'certificate',
    facts: {
      subject: oneLine(first.subject),
      issuer: oneLine(first.issuer),
      subject_alt_name: first.subjectAltName ?? null,
      spiffe_id: spiffe ?? null,
      not_before: iso(from!),
      not_after: iso(until!),
      ca: first.ca,
      'x5t#S256': thumbprint,
      serial: first.serialNumber,
      chain: others.map(({ subject }) => oneLine(subject)),
    },
    lines: lines([
      ['Valid', validityText(from, until, nowSeconds)],
      ['Subject', oneLine(first.subject)],
      ['Issuer', oneLine(first.issuer)],
      ['SPIFFE ID', spiffe],
      ['Names', first.subjectAltName],
      ['Key', keyText(first)],
      ['Thumbprint', `${thumbprint} (x5t#S256: tokens bound to it have it in cnf)`],
      ['Chain', others.map(({ subject }) => oneLine(subject)).join('\n')],
    ]),
  }
}

function read(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new CliError({ what: 'This certificate cannot be read.', why: 'It is cut off or was changed.' })
  }
}

/** Outermost part first, as OpenSSL prints it. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').filter(Boolean).join(', ')
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()

function keyText({ publicKey }: X509Certificate): string {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {}
  return [publicKey.asymmetricKeyType, namedCurve ?? (modulusLength && `${modulusLength} bits`)].filter(Boolean).join(', ')
}
