import { generateKeyPairSync } from 'node:crypto'

/** A new key for a log: Ed25519, PKCS #8 in PEM. */
export const makeLogKey = (): string =>
  generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
