// The key of an enrolled agent and the request that it signs (PKCS #10, RFC 2986). The key never leaves the folder that it is
// kept in. The request asks for no name: the broker assigns it.

import 'reflect-metadata' // @peculiar/x509 resolves its parts through tsyringe, which needs this loaded before it
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** A new P-256 key as PKCS #8 PEM. */
export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
}

/** The key of a PEM that we wrote; undefined for anything else. */
export function readKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    return undefined
  }
}

/** The request as PEM. keyPem: what `newKeyPem` gave. */
export async function createCertificateRequest(keyPem: string): Promise<string> {
  const pkcs8 = createPrivateKey(keyPem).export({ format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(keyPem).export({ format: 'der', type: 'spki' })
  const [privateKey, publicKey] = [
    await webcrypto.subtle.importKey('pkcs8', pkcs8, keyAlgorithm, false, ['sign']),
    await webcrypto.subtle.importKey('spki', spki, keyAlgorithm, true, ['verify']),
  ]
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey, publicKey },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  })
  return `${request.toString('pem').trim()}\n`
}

/** The first certificate of a PEM text, if it is of this key; else undefined. */
export function readCertificate(pem: string, key: KeyObject): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem)
    return certificate.checkPrivateKey(key) ? certificate : undefined
  } catch {
    return undefined
  }
}
