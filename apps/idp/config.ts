// The only reader of the environment in apps/idp.

import { readFileSync } from 'node:fs'
import type { ClientMetadata } from 'oidc-provider'

export interface IdpConfig {
  stateDir: string
  host: string
  port: number
  issuer: string | undefined
  tls: { cert: string; key: string }
  clients: ClientMetadata[]
  production: boolean
  allowContainerNetwork: boolean
}

/**
 * Reads the configuration, and throws one Error that names every problem at once.
 *
 * MAYFLY_STATE_DIR (default .mayfly), MAYFLY_IDP_HOST (127.0.0.1), MAYFLY_IDP_PORT (8445), MAYFLY_IDP_ISSUER
 * (https://localhost:<port>), MAYFLY_IDP_TLS_CERT_FILE, MAYFLY_IDP_TLS_KEY_FILE, MAYFLY_IDP_CLIENTS_FILE (JSON array of
 * client metadata, RFC 7591), MAYFLY_IDP_ALLOW_CONTAINER_NETWORK, MAYFLY_MODE, NODE_ENV.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): IdpConfig {
  const problems: string[] = []
  const read = (name: string): string => {
    const path = env[name]
    if (!path) {
      problems.push(`${name} is not set.`)
      return ''
    }
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      problems.push(`${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
      return ''
    }
  }

  const port = Number(env['MAYFLY_IDP_PORT'] ?? 8445)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) problems.push('MAYFLY_IDP_PORT is not a port.')
  const issuer = env['MAYFLY_IDP_ISSUER'] || undefined
  if (issuer !== undefined && !isIssuer(issuer)) {
    problems.push('MAYFLY_IDP_ISSUER must be https://host[:port] without path, query or trailing slash.')
  }
  const tls = { cert: read('MAYFLY_IDP_TLS_CERT_FILE'), key: read('MAYFLY_IDP_TLS_KEY_FILE') }
  const clients = env['MAYFLY_IDP_CLIENTS_FILE'] ? parseClients(read('MAYFLY_IDP_CLIENTS_FILE'), problems) : []
  if (problems.length > 0) throw new Error(`The configuration is not usable:\n${problems.join('\n')}`)

  return {
    stateDir: env['MAYFLY_STATE_DIR'] || '.mayfly',
    host: env['MAYFLY_IDP_HOST'] || '127.0.0.1',
    port,
    issuer,
    tls,
    clients,
    production: env['NODE_ENV'] === 'production' || env['MAYFLY_MODE'] === 'production',
    allowContainerNetwork: env['MAYFLY_IDP_ALLOW_CONTAINER_NETWORK'] === '1',
  }
}

function isIssuer(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && text.startsWith('https://')
}

function parseClients(text: string, problems: string[]): ClientMetadata[] {
  if (text === '') return []
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value as ClientMetadata[]
  } catch {
    // The same sentence tells both.
  }
  problems.push('MAYFLY_IDP_CLIENTS_FILE is not a JSON array.')
  return []
}
