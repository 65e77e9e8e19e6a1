// Which broker a command speaks to, and as whom. In this order: --profile; MAYFLY_URL; the current profile; the development
// broker of this project. Sources are not mixed, so that a token kept for one broker never goes to another. Only MAYFLY_TOKEN,
// which a person sets for one call, goes before the token that a profile or the development file holds.

import { isAbsolute, join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { type DevFile, findDevFile } from './dev-file.ts'
import { readNamedFile } from './private-file.ts'
import { type Profile, readConfig } from './profiles.ts'

export interface Connection {
  /** Without a slash at the end. */
  readonly url: string
  readonly caPem: string | undefined
  readonly token: string | undefined
  /** Slug; undefined: the first tenant. */
  readonly tenant: string | undefined
  readonly source:
    | { readonly kind: 'profile'; readonly name: string; readonly profile: Profile }
    | { readonly kind: 'environment' }
    | { readonly kind: 'development'; readonly file: DevFile }
}

/** Throws a CliError where no broker is known, or what is known cannot be used. */
export function findConnection(io: Io, profileName: string | undefined): Connection {
  if (profileName !== undefined) return ofProfile(io, profileName, undefined)
  const token = tokenOfEnvironment(io)
  if (io.env['MAYFLY_URL']) return ofEnvironment(io, io.env['MAYFLY_URL'], token)
  const { current } = readConfig(io)
  if (current !== undefined) return ofProfile(io, current, token)
  const file = findDevFile(io)
  if (file) return ofDevFile(file, token)
  throw new CliError({
    what: 'No broker is known.',
    why: 'There is no --profile, no MAYFLY_URL, no current profile, and no .mayfly/dev.json in this folder or above it.',
    next: 'mayfly profile add NAME --url https://broker.example\nor, for a broker on this machine: npm start, then the same command in its folder.',
  })
}

function ofProfile(io: Io, name: string, token: string | undefined): Connection {
  const { profiles } = readConfig(io)
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (!profile) {
    const names = Object.keys(profiles)
    throw new CliError({
      what: `There is no profile "${name}".`,
      why: names.length > 0 ? `There are ${names.join(', ')}.` : 'There are no profiles yet.',
      next: `mayfly profile add ${name} --url https://broker.example`,
    })
  }
  return {
    url: checkUrl(profile.url),
    caPem: profile.ca_file === undefined ? undefined : readNamedFile(profile.ca_file),
    token: token ?? profile.token,
    tenant: profile.tenant,
    source: { kind: 'profile', name, profile },
  }
}

function ofEnvironment(io: Io, url: string, token: string | undefined): Connection {
  const caFile = io.env['MAYFLY_CA_FILE']
  return {
    url: checkUrl(url),
    caPem: caFile ? readNamedFile(resolvePath(io, caFile)) : undefined,
    token,
    tenant: io.env['MAYFLY_TENANT'] || undefined,
    source: { kind: 'environment' },
  }
}

const ofDevFile = (file: DevFile, token: string | undefined): Connection => ({
  url: checkUrl(file.publicUrl),
  caPem: readNamedFile(file.caFile),
  token: token ?? file.operatorToken,
  tenant: undefined,
  source: { kind: 'development', file },
})

function tokenOfEnvironment(io: Io): string | undefined {
  // Inside `mayfly run` these are the command's task token, and no operator's.
  if (io.env['MAYFLY_ACCOUNT_ID']) return undefined
  const { MAYFLY_TOKEN: token, MAYFLY_TOKEN_FILE: file } = io.env
  if (token && file) throw new CliError({ what: 'MAYFLY_TOKEN and MAYFLY_TOKEN_FILE are both set.', next: 'Unset one of them.' })
  return (file ? readNamedFile(resolvePath(io, file)).trim() : token) || undefined
}

/** Throws a CliError for what is no https URL of a broker. Returns it without a slash at the end. */
export function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'https:' && !parsed.username && !parsed.search && !parsed.hash) return url.replace(/\/+$/, '')
  throw new CliError({
    what: `${parsed ? parsed.origin : 'This'} is no address of a broker.`,
    why: 'A broker is reached by https only; user names, queries and fragments are not part of its address.',
    next: 'Give it as https://broker.example',
  })
}

/** A path as the person typed it. */
export const resolvePath = (io: Io, path: string): string => (isAbsolute(path) ? path : join(io.cwd, path))
