// The folder that only the setup service sees: every secret of the deployment is made here once, and handed to each service
// from here. Who keeps this folder keeps the deployment; who loses it loses the key-encryption key.

import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { type CertificateAuthority, loadDevCa } from '#apps/standalone/dev-ca.ts'
import { findSecretFile, getOrCreateSecretFile, writeSecretFile } from '#apps/standalone/secret-file.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import { type CertificateFiles, createPrivateCa, issueCertificate, serves } from './private-ca.ts'

/** 256 random bits, harmless in URLs, SQL and Redis's configuration. */
const newPassword = (): string => randomBytes(32).toString('base64url')

export class Vault {
  readonly #folder: string
  readonly #now: Date

  constructor(folder: string, now: Date) {
    chmodSync(folder, 0o700)
    this.#folder = folder
    this.#now = now
  }

  /** The password or key of that name, made on the first call: 32 random bytes in base64url. */
  password(name: string): string {
    return getOrCreateSecretFile(join(this.#folder, name), newPassword)
  }

  /** The key that seals the log, PEM. It is rotated in its file: docs/how-to/rotate-keys.md. */
  logKey(): string {
    return getOrCreateSecretFile(join(this.#folder, 'log-key.pem'), makeLogKey)
  }

  /** What an operator has put there under that name. */
  find(name: string): string | undefined {
    return findSecretFile(join(this.#folder, name))
  }

  async authority(): Promise<CertificateAuthority> {
    const text = findSecretFile(join(this.#folder, 'authority.json'))
    if (text !== undefined) return loadDevCa(JSON.parse(text) as CertificateFiles)
    const ca = await createPrivateCa(this.#now)
    this.#write('authority.json', ca)
    return ca
  }

  /** A server's certificate, made anew when it nears its end or a host was added. */
  async server(ca: CertificateAuthority, name: string, hosts: readonly string[]): Promise<CertificateFiles> {
    const text = findSecretFile(join(this.#folder, `${name}.json`))
    if (text !== undefined) {
      const found = JSON.parse(text) as CertificateFiles
      if (serves(found.certificatePem, ca.certificatePem, hosts, this.#now)) return found
    }
    const issued = await issueCertificate(ca, { hosts }, this.#now)
    this.#write(`${name}.json`, issued)
    return issued
  }

  /** In one file, so that a certificate is never beside the key of another. */
  #write(file: string, { certificatePem, keyPem }: CertificateFiles): void {
    writeSecretFile(join(this.#folder, file), JSON.stringify({ certificatePem, keyPem }))
  }
}
