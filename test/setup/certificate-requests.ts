// Certificate signing requests as agents send them, and as nobody should.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export interface RequestTemplate {
  readonly keys?: webcrypto.CryptoKeyPair
  readonly name?: string
  readonly extensions?: x509.Extension[]
  readonly attributes?: x509.Attribute[]
  readonly hash?: string
}

export interface MadeRequest {
  readonly pem: string
  /** PKCS #8 PEM. */
  readonly keyPem: string
}

export const newRequestKeys = (algorithm: object = { name: 'ECDSA', namedCurve: 'P-256' }): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>

/** Left as it is: a request that asks for nothing but a certificate. */
export async function makeCertificateRequest(template: RequestTemplate = {}): Promise<MadeRequest> {
  const keys = template.keys ?? (await newRequestKeys())
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { ...(keys.privateKey.algorithm as object), hash: template.hash ?? 'SHA-256' } as never,
    ...(template.name !== undefined && { name: template.name }),
    ...(template.extensions && { extensions: template.extensions }),
    ...(template.attributes && { attributes: template.attributes }),
  })
  const keyPem = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }) as string
  return { pem: `${request.toString('pem')}\n`, keyPem }
}

export const uriNames = (...uris: string[]): x509.Extension =>
  new x509.SubjectAlternativeNameExtension(uris.map(value => ({ type: 'url', value })))

/** Extensions that ask for more than any certificate of the built-in CA says, or for another name; by what they ask for. */
export const greedyExtensions: Readonly<Record<string, () => x509.Extension[]>> = {
  'to be a CA': () => [new x509.BasicConstraintsExtension(true, 0, true)],
  'to be a CA without a limit': () => [new x509.BasicConstraintsExtension(true, undefined, true)],
  'to sign certificates': () => [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)],
  'to sign revocation lists too': () => [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.cRLSign, true),
  ],
  'to be a server': () => [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])],
  'to be a server too': () => [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
  ],
  'to be anything': () => [new x509.ExtendedKeyUsageExtension(['2.5.29.37.0'])],
  'a DNS name': () => [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'broker.example' }])],
  'an address': () => [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  'two URIs': () => [uriNames('spiffe://a.example/x', 'spiffe://a.example/y')],
  'names twice': () => [uriNames('spiffe://a.example/x'), uriNames('spiffe://a.example/x')],
  policies: () => [new x509.Extension('2.5.29.32', false, Buffer.from('300730050603550404', 'hex'))],
  'a life of its own': () => [new x509.Extension('2.5.29.16', false, Buffer.from('3000', 'hex'))],
  'what nobody knows': () => [new x509.Extension('1.3.6.1.4.1.99999.1', false, Buffer.from('0500', 'hex'))],
}
