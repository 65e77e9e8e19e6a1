// Behind nginx and HAProxy as Debian packs them: with TLS passed through nothing changes; with TLS ended there, the agent's
// certificate comes in a header, and counts because the proxy proves itself by a certificate of its own.

import { createHash, X509Certificate } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTrustedProxies, type TrustedProxySetting } from '#apps/broker/tls/trusted-proxies.ts'
import { createDevCa, type IssuedCertificate, issueClientCertificate, issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { freePort } from '#test/setup/free-port.ts'
import { formBody, formHeaders } from '#test/setup/https-client.ts'
import { hasProxies, type RunningProxy, startProxy } from '#test/setup/proxies.ts'
import { agentUri } from '#test/setup/registration.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import {
  haproxyConfiguration,
  nginxConfiguration,
  type ProxyPorts,
  verifiedByHaproxy,
  verifiedByNginx,
} from './configurations.ts'

const now = new Date()
const thumbprint = ({ certificatePem }: IssuedCertificate) =>
  createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('base64url')
const proxyCa = await createDevCa({ now, commonName: 'Proxies' })
const own = {
  nginx: await issueClientCertificate(proxyCa, { now, commonName: 'nginx' }),
  haproxy: await issueClientCertificate(proxyCa, { now, commonName: 'haproxy' }),
}
const settings: TrustedProxySetting[] = [
  { address: '127.0.0.1', format: 'nginx', certificate: thumbprint(own.nginx), verified_header: verifiedByNginx },
  { address: '127.0.0.1', format: 'rfc9440', certificate: thumbprint(own.haproxy), verified_header: verifiedByHaproxy },
]
const broker = useBroker({ config: { trustedProxies: readTrustedProxies(JSON.stringify(settings), []) } })

const configurations = { nginx: nginxConfiguration, haproxy: haproxyConfiguration }
const certOf = ({ certificatePem }: IssuedCertificate) => ({
  'client-cert': `:${new X509Certificate(certificatePem).raw.toString('base64')}:`,
  'ssl-client-cert': encodeURIComponent(certificatePem),
  'x-forwarded-client-cert': `Cert="${encodeURIComponent(certificatePem)}"`,
  'ssl-client-verify': 'SUCCESS',
  'x-client-verify': '0',
})

describe.skipIf(!hasProxies).each(['nginx', 'haproxy'] as const)('row 14, behind %s', program => {
  let proxy: RunningProxy | undefined
  let ports: ProxyPorts
  let stranger: IssuedCertificate
  let nobody: IssuedCertificate
  beforeAll(async () => {
    const { running } = broker
    ports = { passed: await freePort(), ended: await freePort(), lax: await freePort(), broker: running.config.mtlsPort }
    const server = await issueServerCertificate(running.ca, { hosts: ['localhost', '127.0.0.1'], now })
    const ca = running.ca.certificatePem
    const files = {
      'server.pem': server.chainPem + server.keyPem,
      'proxy.pem': own[program].chainPem + own[program].keyPem,
      'authorities.pem': ca,
      'ca.pem': ca,
    }
    proxy = await startProxy(program, files, configurations[program](ports), [ports.passed, ports.ended, ports.lax])
    stranger = await issueClientCertificate(await createDevCa({ now, commonName: 'Stranger' }), { now, uris: [agentUri] })
    nobody = await issueClientCertificate(running.ca, { now, uris: ['spiffe://test.example/nobody'] })
  })
  afterAll(() => proxy?.stop())

  let task = 0
  const ask = (port: number, certificate?: IssuedCertificate, headers: Record<string, string> = {}) =>
    broker.https.send(`https://127.0.0.1:${port}/token`, {
      method: 'POST',
      certificate,
      headers: { ...formHeaders, ...headers },
      body: formBody(broker.running.form({ task_id: `${program}-${++task}` })),
    })
  const expectBound = async (port: number, headers: Record<string, string> = {}) => {
    const { certificate } = broker.running
    const answer = await ask(port, certificate, headers)
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
    expect(decodeJwt(answer.body.access_token)['cnf']).toEqual({ 'x5t#S256': thumbprint(certificate) })
  }
  const expectRefused = async (port: number, certificate?: IssuedCertificate, headers: Record<string, string> = {}) => {
    const answer = await ask(port, certificate, headers)
    expect([answer.status, answer.body?.error]).toEqual([401, 'invalid_client'])
  }

  describe('that passes TLS through', () => {
    test('the agent proves its key to the broker itself', async () => {
      await expectBound(ports.passed)
    })

    test('headers are the client’s own, and bring nothing', async () => {
      const spoofed = certOf(broker.running.certificate)
      await expectRefused(ports.passed, undefined, spoofed)
      await expectRefused(ports.passed, nobody, spoofed)
      await expectBound(ports.passed, certOf(nobody))
    })
  })

  describe('that ends TLS', () => {
    test('the agent’s token is bound to the agent’s certificate, not to the proxy’s', async () => {
      await expectBound(ports.ended)
    })

    test('an agent without a certificate has none, whatever it writes into headers', async () => {
      await expectRefused(ports.ended)
      await expectRefused(ports.ended, undefined, certOf(broker.running.certificate))
    })

    test('a certificate of nobody proves nobody, whatever stands beside it', async () => {
      await expectRefused(ports.ended, nobody, certOf(broker.running.certificate))
    })

    test('what the proxy did not verify is no certificate, nor is a stranger’s that it did', async () => {
      await expectRefused(ports.lax, stranger)
      await expectBound(ports.lax)
    })

    test('many agents share the proxy’s connections, and each request has its own certificate', async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => ask(ports.ended, [broker.running.certificate, nobody, undefined][i % 3])),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 200 : 401)))
    })
  })

  test('the same headers from the same address, without the proxy’s certificate, bring nothing', async () => {
    const spoofed = certOf(broker.running.certificate)
    for (const certificate of [undefined, stranger, nobody]) await expectRefused(ports.broker, certificate, spoofed)
  })
})

describe('row 14, a client that has the proxy’s certificate', () => {
  const send = (headers: Record<string, string>, task_id: string) =>
    broker.https.send(`${broker.running.config.mtlsUrl}/token`, {
      method: 'POST',
      certificate: own.haproxy,
      headers: { ...formHeaders, ...headers },
      body: formBody(broker.running.form({ task_id })),
    })
  const named = () => ({ 'client-cert': certOf(broker.running.certificate)['client-cert'] })

  test.each([
    ['without a verified flag', () => named()],
    ['with another flag', () => ({ ...named(), 'x-client-verify': '21' })],
    ['with the flag twice', () => ({ ...named(), 'x-client-verify': '0, 0' })],
    ['in the form of another proxy', () => ({ ...certOf(broker.running.certificate), 'client-cert': '' })],
    ['and no certificate', () => ({ 'x-client-verify': '0' })],
  ] as [string, () => Record<string, string>][])(
    'is told no client’s certificate %s, and its own is nobody’s',
    async (name, headers) => {
      const answer = await send(headers(), name.replaceAll(/[^a-z]/gi, ''))
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client'])
    },
  )

  test('is the proxy', async () => {
    const { status } = await send({ ...named(), 'x-client-verify': '0' }, 'as-proxy')
    expect(status).toBe(200)
  })
})
