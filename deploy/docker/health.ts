// `health <role>`: exit code 0 when the role that runs in this container is well, else 1 with one line of why.

import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { checkAliveFile } from './alive.ts'

const withinMs = 4_000

/** Each throws an Error that says what is wrong. */
const checks: Record<string, () => Promise<void>> = {
  async broker() {
    const { MAYFLY_METRICS_PORT: metrics = '9464', MAYFLY_PORT: port = '8443' } = process.env
    // Without the metrics listener the front door is asked for the metadata: 404 stands for "no tenant yet".
    if (metrics === 'off') await expectStatus(`https://127.0.0.1:${port}/.well-known/oauth-authorization-server`, [200, 404])
    else await expectStatus(`http://127.0.0.1:${metrics}/readyz`, [200])
  },
  async worker() {
    checkAliveFile(Date.now())
  },
  async 'guard-proxy'() {
    const { MAYFLY_METRICS_PORT: metrics = '9464', MAYFLY_HOST: host = '127.0.0.1' } = process.env
    // Without that listener there is no question that a stranger, as whom it would ask, gets a good answer to.
    if (metrics !== 'off') await expectStatus(`http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${metrics}/readyz`, [200])
  },
  async idp() {
    const { MAYFLY_IDP_PORT: port = '8445', MAYFLY_IDP_ISSUER: issuer = `https://localhost:${port}` } = process.env
    await expectStatus(`https://127.0.0.1:${port}/.well-known/openid-configuration`, [200], new URL(issuer).host)
  },
}

function expectStatus(url: string, wanted: number[], host?: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const options = {
    timeout: withinMs,
    ...(host !== undefined && { headers: { host } }),
    // It asks its own container over loopback and sends nothing secret; the certificate's names are for those outside.
    ...(url.startsWith('https:') && { rejectUnauthorized: false }),
  }
  const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, options, response => {
    response.resume()
    if (wanted.includes(response.statusCode ?? 0)) resolve()
    else reject(new Error(`${url} answered ${response.statusCode}`))
  })
  request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${withinMs / 1000} s`)))
  request.on('error', reject)
  request.end()
  return promise
}

export async function main(): Promise<void> {
  const [, name = ''] = process.argv.slice(2)
  try {
    if (!Object.hasOwn(checks, name)) throw new Error(`name one of ${Object.keys(checks).join(', ')}`)
    await checks[name]!()
    // Connections that are kept alive would hold the process.
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(1)
  }
}
