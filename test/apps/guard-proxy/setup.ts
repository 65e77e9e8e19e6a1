// A guard proxy with an issuer of its own, and somebody who asks it.

import { Agent, request as httpRequest } from 'node:http'
import { pino } from 'pino'
import { type GuardProxyConfig, readGuardProxyConfig } from '#apps/guard-proxy/config.ts'
import { type RunningGuardProxy, startGuardProxy } from '#apps/guard-proxy/guard-proxy.ts'
import { certificateThumbprint, type GuardOptions } from '../../../packages/guard/src/index.ts'
import { claimsWith, issuer, jwks, resource, signToken } from '../../../packages/guard/test/issuer.ts'

/** Tokens with this id were revoked. */
export const revokedId = 'revoked-one'

export const nginxProxy = {
  address: '127.0.0.1',
  format: 'nginx',
  verified_header: { name: 'ssl-client-verify', value: 'SUCCESS' },
} as const

export const environment = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  MAYFLY_ISSUER: issuer,
  MAYFLY_RESOURCE: resource,
  MAYFLY_TRUSTED_PROXIES: JSON.stringify([nginxProxy]),
  ...more,
})

/** Started as its environment says, but with keys that are there and on free ports. */
export function startProxyWith(
  env: Readonly<Record<string, string>> = {},
  guard: Partial<GuardOptions> = {},
): Promise<RunningGuardProxy> {
  const config: GuardProxyConfig = readGuardProxyConfig(environment(env))
  const offline = { jwks, isRevoked: ({ jti }: { jti: string }) => jti === revokedId }
  const free = { port: 0, ...(config.metricsPort === undefined ? {} : { metricsPort: 0 }) }
  return startGuardProxy({ ...config, ...free, guard: { ...config.guard, ...offline, ...guard } }, pino({ level: 'silent' }))
}

/** A token of now for the holder of a certificate. */
export function tokenFor(der: Uint8Array, change: object = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  return signToken(claimsWith({ iat, exp: iat + 300, cnf: { 'x5t#S256': certificateThumbprint(der) }, ...change }))
}

export interface Asked {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Asks as a proxy does: a request with these headers, sent as they stand. */
export function ask(
  port: number,
  headers: Readonly<Record<string, string | readonly string[]>>,
  { path = '/', method = 'GET', body }: { path?: string; method?: string; body?: string } = {},
): Promise<Asked> {
  const agent = new Agent()
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, method, headers: headers as never, agent }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      agent.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
