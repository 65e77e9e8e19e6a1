// The file with a log's private keys: one block of PEM for each that signs, the newest first. More than one: the log is being handed over.

import { generateKeyPairSync } from 'node:crypto'

const block = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g

/**
 * The blocks, each ending with a newline; none where there are none, or something else between them: a key of another form would be left out
 * in silence, and lost where the file is written anew.
 */
export function splitLogKeys(pem: string): string[] {
  const blocks = pem.match(block) ?? []
  const begun = pem.match(/-----BEGIN /g) ?? []
  return blocks.length === begun.length ? blocks.map(text => `${text}\n`) : []
}

/** A new key for a log: Ed25519, PKCS #8 in PEM. */
export const makeLogKey = (): string =>
  generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
