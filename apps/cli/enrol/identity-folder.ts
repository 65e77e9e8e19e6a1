// The folder of an enrolled agent: key.pem (0600), cert.pem (leaf, then what stands between it and the anchor), ca.pem, and
// state.json, which says for people and scripts what the others are; it is written last, so what it says is there. Each file
// is replaced whole. The key stays as long as the folder does: whoever reads key and certificate one after the other always has two
// that belong together, and a token of the platform, which is good for the first key that used it, can be used again after an
// answer was lost.

import type { KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import { findPrivateFile, writePrivateFile } from '../config/private-file.ts'
import { newKeyPem, readCertificate, readKey } from './certificate-request.ts'

export interface Identity {
  readonly keyPem: string
  readonly chainPem: string
  readonly certificate: X509Certificate
}

export interface IdentityFolder {
  readonly keyFile: string
  readonly certFile: string
  readonly caFile: string
  /** What it holds, if the certificate holds at `nowMs`. Throws a CliError where others may read the key. */
  find(nowMs: number): Identity | undefined
  /** The key to enrol with, PEM; made where there is none, and stored before anybody certifies it. */
  keepKey(): string
  /** state: goes to state.json. */
  store(issued: { readonly chainPem: string; readonly caPem: string; readonly state: object }): void
}

export function openIdentityFolder(path: string): IdentityFolder {
  const [keyFile, certFile, caFile] = [join(path, 'key.pem'), join(path, 'cert.pem'), join(path, 'ca.pem')]
  return {
    keyFile,
    certFile,
    caFile,
    find(nowMs) {
      const [keyPem, chainPem] = [findPrivateFile(keyFile), findPrivateFile(certFile)]
      if (keyPem === undefined || chainPem === undefined) return undefined
      const certificate = readCertificate(chainPem, keyOf(keyFile, keyPem))
      if (!certificate || Date.parse(certificate.validTo) <= nowMs) return undefined
      return { keyPem, chainPem, certificate }
    },
    keepKey() {
      const kept = findPrivateFile(keyFile)
      if (kept !== undefined) {
        keyOf(keyFile, kept)
        return kept
      }
      const made = newKeyPem()
      writePrivateFile(keyFile, made)
      return made
    },
    store({ chainPem, caPem, state }) {
      writePrivateFile(caFile, caPem)
      writePrivateFile(certFile, chainPem)
      writePrivateFile(join(path, 'state.json'), `${JSON.stringify(state, null, 2)}\n`)
    },
  }
}

/** A key of another kind was made by somebody else: it is neither used nor replaced. */
function keyOf(file: string, pem: string): KeyObject {
  const key = readKey(pem)
  if (key) return key
  throw new CliError({
    what: `${file} holds no key that mayfly made.`,
    why: 'Keys of this command are P-256, PKCS #8, without a passphrase.',
    next: 'Move it away, or choose another --dir.',
  })
}
