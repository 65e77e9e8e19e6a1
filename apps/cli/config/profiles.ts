// Profiles: which brokers this person works with, and as whom. `$XDG_CONFIG_HOME/mayfly/config.json`, 0600.

import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { findPrivateFile, writePrivateFile } from './private-file.ts'

export interface Profile {
  /** The broker's base URL. */
  readonly url: string
  /** PEM of the authorities that vouch for it; missing: the system's. Absolute path. */
  readonly ca_file?: string
  /** Slug of the tenant that `login` signs in to; missing: the first. */
  readonly tenant?: string
  /** A session, or an operator token. */
  readonly token?: string
  /** RFC 3339; of a session. */
  readonly token_expires_at?: string
  /** Who signed in, for people. */
  readonly signed_in_as?: string
}

export interface Config {
  readonly version: 1
  readonly current?: string
  readonly profiles: Readonly<Record<string, Profile>>
}

const profileName = /^[a-z0-9][a-z0-9._-]{0,62}$/

/** Throws a CliError for what cannot be a profile's name. */
export function checkProfileName(name: string): string {
  if (profileName.test(name)) return name
  throw new CliError({
    what: `"${name}" cannot be the name of a profile.`,
    why: 'A name has 1 to 63 lower-case letters, digits, dots, dashes and underscores, and begins with a letter or digit.',
  })
}

export function configPath(io: Io): string {
  const base = io.env['XDG_CONFIG_HOME']
  return join(base?.startsWith('/') ? base : join(io.home, '.config'), 'mayfly', 'config.json')
}

/** The configuration; an empty one where there is none yet. */
export function readConfig(io: Io): Config {
  const path = configPath(io)
  const text = findPrivateFile(path)
  if (text === undefined) return { version: 1, profiles: {} }
  const config = parse(text)
  if (config) return config
  throw new CliError({
    what: `${path} cannot be understood.`,
    why: 'It is no configuration of this version of mayfly.',
    next: 'Correct it, or delete it and begin with: mayfly profile add',
  })
}

export function writeConfig(io: Io, config: Config): void {
  writePrivateFile(configPath(io), `${JSON.stringify(config, null, 2)}\n`)
}

/** The configuration with one profile changed or, with undefined, removed. */
export function withProfile(config: Config, name: string, profile: Profile | undefined): Config {
  const others = Object.entries(config.profiles).filter(([each]) => each !== name)
  const profiles = Object.fromEntries(profile ? [...others, [name, profile] as const] : others)
  const { current, ...rest } = config
  return { ...rest, ...(current !== undefined && current in profiles && { current }), profiles }
}

function parse(text: string): Config | undefined {
  try {
    const value = JSON.parse(text) as Config
    if (value.version !== 1 || typeof value.profiles !== 'object' || value.profiles === null) return undefined
    const good = Object.entries(value.profiles).every(([name, { url }]) => profileName.test(name) && typeof url === 'string')
    return good ? value : undefined
  } catch {
    return undefined
  }
}
