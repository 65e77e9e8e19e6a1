import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readBrokerConfig } from '#apps/broker/config.ts'
import { hasDevelopmentMarker } from '#apps/broker/development-marker.ts'
import { makeHandouts } from '#deploy/docker/setup/handouts.ts'
import { createPrivateCa, issueCertificate, serves } from '#deploy/docker/setup/private-ca.ts'
import { Vault } from '#deploy/docker/setup/vault.ts'

const now = new Date('2030-01-01T00:00:00Z')
const dayMs = 86_400_000
const options = { database: 'mayfly', brokerHosts: ['localhost', '127.0.0.1', 'broker'] }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-vault-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const handouts = async (at = now, changes = {}) => {
  const list = await makeHandouts(new Vault(folder, at), { ...options, ...changes })
  return Object.fromEntries(list.map(handout => [handout.folder, handout.files]))
}

test('a second start hands out the very same secrets', async () => {
  expect(await handouts()).toEqual(await handouts())
})

test('two deployments share no secret', async () => {
  const first = await handouts()
  rmSync(folder, { recursive: true })
  folder = mkdtempSync(join(tmpdir(), 'mayfly-vault-'))
  const second = await handouts()
  for (const [service, files] of Object.entries(first))
    for (const [name, text] of Object.entries(files))
      if (text !== '') expect(second[service]![name], `${service}/${name}`).not.toBe(text)
})

test('the vault is for its owner only', async () => {
  await handouts()
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600)
})

test('no service but broker and worker is given the key-encryption key, and none but the migration the administrator’s password', async () => {
  const given = await handouts()
  const holders = (secret: string) =>
    Object.keys(given).filter(service => Object.values(given[service]!).some(text => text.includes(secret)))
  expect(holders(given['broker']!['kek']!)).toEqual(['broker', 'worker'])
  expect(holders(given['postgres']!['password']!)).toEqual(['postgres', 'migrate'])
  expect(holders(given['migrate']!['migrate-password']!)).toEqual(['migrate'])
  expect(holders(given['redis']!['password']!)).toEqual(['redis', 'broker', 'worker'])
  expect(holders(JSON.parse(readFileSync(join(folder, 'authority.json'), 'utf8')).keyPem)).toEqual([])
})

test('what the broker is given makes a configuration that production accepts on every address', async () => {
  const { broker } = await handouts()
  const config = readBrokerConfig({
    MAYFLY_MODE: 'production',
    MAYFLY_HOST: '0.0.0.0',
    DATABASE_URL: broker!['database-url'],
    MAYFLY_KEK: broker!['kek'],
    MAYFLY_TLS_CERT: broker!['tls-cert.pem'],
    MAYFLY_TLS_KEY: broker!['tls-key.pem'],
  })
  expect(config.keyEncryptionKey).toHaveLength(32)
  expect(hasDevelopmentMarker(broker!['tls-cert.pem']!)).toBe(false)
})

test('a server certificate is kept until 60 days before its end, and made anew by the same authority then', async () => {
  const first = (await handouts())['broker']!
  const kept = (await handouts(new Date(now.getTime() + 336 * dayMs)))['broker']!
  const renewed = (await handouts(new Date(now.getTime() + 338 * dayMs)))['broker']!
  expect(kept['tls-cert.pem']).toBe(first['tls-cert.pem'])
  expect(renewed['tls-cert.pem']).not.toBe(first['tls-cert.pem'])
  expect(renewed['ca.pem']).toBe(first['ca.pem'])
  expect(new X509Certificate(renewed['tls-cert.pem']!).verify(new X509Certificate(first['ca.pem']!).publicKey)).toBe(true)
})

test('a host that was added is in the certificate at the next start', async () => {
  await handouts()
  const { broker } = await handouts(now, { brokerHosts: [...options.brokerHosts, 'mayfly.example.com'] })
  expect(new X509Certificate(broker!['tls-cert.pem']!).checkHost('mayfly.example.com')).toBe('mayfly.example.com')
})

test('a certificate of another authority does not serve', async () => {
  const [ca, other] = [await createPrivateCa(now), await createPrivateCa(now)]
  const { certificatePem } = await issueCertificate(other, { hosts: ['localhost'] }, now)
  expect(serves(certificatePem, ca.certificatePem, ['localhost'], now)).toBe(false)
  expect(serves(certificatePem, other.certificatePem, ['localhost'], now)).toBe(true)
  expect(serves(certificatePem, other.certificatePem, ['elsewhere'], now)).toBe(false)
})
