// Where the operator's own system (a SIEM) is. It stands in the worker's environment and nowhere else: no API, no row of the database
// and nobody's role leads the log of a deployment to another place (attack 29).

import { readFileSync } from 'node:fs'
import type { Environment } from '#apps/process/read-secret.ts'
import type { SyslogFraming } from '#core/audit/stream/syslog.ts'

export interface SinkSettings {
  /** Under which it is known where it has come to: with another name it begins anew. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** Undefined: without TLS, which only a collector on the same machine or network should be given. */
  readonly tls: { readonly caPem?: string; readonly certPem?: string; readonly keyPem?: string } | undefined
  readonly framing: SyslogFraming
  readonly format: 'ocsf' | 'entry'
  /** Types of events; undefined: all. */
  readonly types: readonly string[] | undefined
  /** Where it begins when it is new. */
  readonly from: 'start' | 'now'
  /** RFC 5424 HOSTNAME. */
  readonly hostname: string
}

const typePattern = /^[a-z_]{1,40}\.([a-z_]{1,40}|\*)$/
const choices = <V extends string>(env: Environment, name: string, [standard, other]: readonly [V, V], problems: string[]): V => {
  const value = env[name] || standard
  if (value !== standard && value !== other) problems.push(`${name} must be ${standard} or ${other}.`)
  return value as V
}

/** Reads `MAYFLY_SIEM_URL` (`tls://host:6514`, `tcp://host:601`) and what belongs to it; undefined when there is none. */
export function readSinkSettings(env: Environment, problems: string[]): SinkSettings | undefined {
  const text = env['MAYFLY_SIEM_URL']
  if (!text) return undefined
  const url = URL.parse(text)
  const name = env['MAYFLY_SIEM_NAME'] || 'siem'
  if (!/^[a-z0-9-]{1,32}$/.test(name)) problems.push('MAYFLY_SIEM_NAME must be 1 to 32 small letters, digits and dashes.')
  const isPlain = url?.protocol === 'tcp:'
  if (
    !url ||
    !['tls:', 'tcp:'].includes(url.protocol) ||
    url.hostname === '' ||
    url.username !== '' ||
    !/^\/?$/.test(url.pathname)
  ) {
    problems.push('MAYFLY_SIEM_URL must be tls://host:port or tcp://host:port.')
    return undefined
  }
  const types = env['MAYFLY_SIEM_TYPES']?.split(/[\s,]+/).filter(word => word !== '')
  for (const type of types ?? [])
    if (!typePattern.test(type)) problems.push(`MAYFLY_SIEM_TYPES: ${type} is no type such as token.issued or token.*.`)
  const pem = (member: string, variable: string) => {
    const read = readPem(env, variable, problems)
    return read === undefined ? {} : { [member]: read }
  }
  const tls = {
    ...pem('caPem', 'MAYFLY_SIEM_CA_FILE'),
    ...pem('certPem', 'MAYFLY_SIEM_CERT_FILE'),
    ...pem('keyPem', 'MAYFLY_SIEM_KEY_FILE'),
  } as NonNullable<SinkSettings['tls']>
  if (isPlain && Object.keys(tls).length > 0) problems.push('MAYFLY_SIEM_*_FILE are for tls:// addresses.')
  if ((tls.certPem === undefined) !== (tls.keyPem === undefined))
    problems.push('Set MAYFLY_SIEM_CERT_FILE and MAYFLY_SIEM_KEY_FILE together.')
  return {
    name,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (isPlain ? 601 : 6514)),
    tls: isPlain ? undefined : tls,
    framing: choices(env, 'MAYFLY_SIEM_FRAMING', ['octets', 'lines'], problems),
    format: choices(env, 'MAYFLY_SIEM_FORMAT', ['ocsf', 'entry'], problems),
    types: types?.length === 0 ? undefined : types,
    from: choices(env, 'MAYFLY_SIEM_FROM', ['start', 'now'], problems),
    hostname: env['MAYFLY_SIEM_HOSTNAME'] || '-',
  }
}

function readPem(env: Environment, name: string, problems: string[]): string | undefined {
  const file = env[name]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    problems.push(`${name}=${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`)
    return undefined
  }
}
