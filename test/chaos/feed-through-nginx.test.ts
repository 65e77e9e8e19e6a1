// The feed through an nginx as an operator might have configured it for other things: answers buffered, HTTP/1.0 to the broker
// without keep-alive, connections that are ended in the middle. A guard hears what it must, polls, or refuses; it is never open.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { nowMs } from '#test/bench/revocation/clock.ts'
import { createTestDatabase, type TestDatabase } from '#test/setup/database.ts'
import { freePort } from '#test/setup/free-port.ts'
import { hasProxies, nginxTemporaryFiles, type RunningProxy, startProxy } from '#test/setup/proxies.ts'
import { Lookout } from './rig/lookout.ts'
import { report } from './rig/report.ts'
import { type Rig, startRig } from './rig/rig.ts'

interface Wire {
  readonly name: string
  /** What stands in the location. */
  readonly location: string
  /** What stands in the server. */
  readonly server?: string
  /** Most milliseconds from a revocation until it is refused everywhere. */
  readonly heardWithinMs: number
  /** Whether a good token may be refused for want of a feed. */
  readonly mayClose?: true
}

const wires: readonly Wire[] = [
  { name: 'nginx as it comes, with buffering on', location: '', heardWithinMs: 1_000 },
  { name: 'buffering off', location: 'proxy_buffering off;', heardWithinMs: 1_000 },
  {
    name: 'buffering on, whatever the broker says of it',
    location: 'proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; proxy_buffers 8 64k; proxy_buffer_size 64k;',
    heardWithinMs: 10_000,
    mayClose: true,
  },
  {
    name: 'HTTP/1.0 and no keep-alive on either side',
    location: 'proxy_http_version 1.0; proxy_set_header Connection close;',
    server: 'keepalive_timeout 0;',
    heardWithinMs: 1_000,
  },
  {
    name: 'compression',
    location: 'gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;',
    heardWithinMs: 10_000,
    mayClose: true,
  },
]

describe.skipIf(!hasProxies)('the feed through nginx', () => {
  let database: TestDatabase
  let rig: Rig
  let proxy: RunningProxy
  let ports: number[]
  beforeAll(async () => {
    database = await createTestDatabase()
    rig = await startRig(database.urls.app, { relayed: true })
    ports = await Promise.all(wires.map(freePort))
    const server = await issueServerCertificate(rig.ca, { hosts: ['localhost', '127.0.0.1'], now: new Date() })
    const files = { 'server.pem': server.chainPem + server.keyPem, 'ca.pem': rig.caPem }
    proxy = await startProxy('nginx', files, configurationOf(ports, rig.port), ports)
  })
  afterAll(async () => {
    await proxy?.stop()
    await rig?.close()
    await database?.close()
  })

  const readEpoch = async (): Promise<number> => {
    const [row] = await database.admin<{ epoch: number }[]>`select max(epoch)::float8 as epoch from mayfly.feed`
    return row!.epoch
  }

  test.each(wires.map((wire, i) => ({ ...wire, i })))('$name', async ({ name, i, heardWithinMs, mayClose }) => {
    rig.relay!.leadTo([ports[i]!])
    const lookout = new Lookout(rig, { guards: 2 })
    try {
      const [good, bad] = [await lookout.open(`nginx-good-${i}`), await lookout.open(`nginx-bad-${i}`)]
      for (const shown of [good, bad]) await lookout.untilAll(shown, 'accepted')
      await lookout.freshly(12_000)
      const revokedMs = nowMs()
      await lookout.revoke(bad, readEpoch)
      await lookout.untilAll(bad, 'token_revoked', 12_000)
      const heardMs = nowMs() - revokedMs
      await lookout.untilAll(good, 'accepted')
      const judged = lookout.judge()
      report('feed through nginx', { name, heardMs, latestMs: judged.acceptedAfterAnswerMs, reasons: lookout.reasons })
      expect(heardMs).toBeLessThan(heardWithinMs)
      expect(judged.violations).toEqual([])
      if (!mayClose) expect(lookout.reasons).toEqual({})
    } finally {
      await lookout.close()
    }
  })
})

const configurationOf = (ports: readonly number[], broker: number) => (folder: string) =>
  `
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  ${nginxTemporaryFiles(folder)}
  ssl_certificate ${folder}/server.pem;
  ssl_certificate_key ${folder}/server.pem;
  proxy_ssl_trusted_certificate ${folder}/ca.pem;
  proxy_ssl_verify on;
  proxy_ssl_name localhost;
${wires
  .map(
    ({ location, server = '' }, i) => `
  server {
    listen 127.0.0.1:${ports[i]} ssl;
    ${server}
    location / { proxy_pass https://127.0.0.1:${broker}; ${location} }
  }`,
  )
  .join('')}
}
`
