// Which brokers this person works with.

import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { checkUrl, resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'
import { checkProfileName, type Profile, readConfig, withProfile, writeConfig } from '../config/profiles.ts'
import { tableOf } from '../output/table-of.ts'

const nameArgument = [{ name: 'name', summary: 'what the profile is called' }]

const add: Command = {
  name: 'profile add',
  summary: 'Remember a broker, and use it from now on',
  arguments: nameArgument,
  options: {
    url: { type: 'string', value: 'URL', required: true, summary: 'the broker’s base URL, https' },
    'ca-file': { type: 'string', value: 'FILE', summary: 'PEM of the authorities that vouch for it; else the system’s' },
    tenant: { type: 'string', value: 'SLUG', summary: 'the tenant that login signs in to; else the first' },
    'token-file': { type: 'string', value: 'FILE', summary: 'an operator token to keep; people use login instead' },
  },
  examples: [
    { text: 'then mayfly login', command: 'mayfly profile add work --url https://broker.example' },
    { text: 'behind a CA of your own', command: 'mayfly profile add lab --url https://broker.lab:8443 --ca-file ca.pem' },
  ],
  async run({ io, print, flags, args }) {
    const name = checkProfileName(args['name']!)
    const [caFile, tokenFile, tenant] = [flags.text('ca-file'), flags.text('token-file'), flags.text('tenant')]
    if (caFile !== undefined) readNamedFile(resolvePath(io, caFile))
    const profile: Profile = {
      url: checkUrl(flags.text('url')!),
      ...(caFile !== undefined && { ca_file: resolvePath(io, caFile) }),
      ...(tenant !== undefined && { tenant }),
      ...(tokenFile !== undefined && { token: readNamedFile(resolvePath(io, tokenFile)).trim() }),
    }
    writeConfig(io, { ...withProfile(readConfig(io), name, profile), current: name })
    print.result({ profile: name, url: profile.url, current: true }, () => `Profile ${name} is now in use: ${profile.url}`)
  },
}

const list: Command = {
  name: 'profile list',
  summary: 'List profiles',
  examples: [{ text: 'which one is in use', command: 'mayfly profile list' }],
  async run({ io, print }) {
    const { current, profiles } = readConfig(io)
    const items = Object.entries(profiles).map(([name, { token, ...rest }]) => ({
      current: name === current ? '*' : '',
      name,
      ...rest,
      credential: token === undefined ? 'none' : token.startsWith('mfs_') ? 'session' : 'token',
    }))
    const forJson = items.map(({ current: mark, ...item }) => ({ ...item, current: mark === '*' }))
    if (print.json) print.thing({ items: forJson })
    else print.table(tableOf(items, ['current', 'name', 'url', 'tenant', 'credential', 'signed_in_as', 'token_expires_at']))
    if (items.length === 0) print.note('There are none: mayfly profile add NAME --url https://broker.example')
  },
}

const use: Command = {
  name: 'profile use',
  summary: 'Use another profile from now on',
  arguments: nameArgument,
  examples: [{ text: 'by name', command: 'mayfly profile use work' }],
  async run(context) {
    const { io, print } = context
    const name = known(context)
    writeConfig(io, { ...readConfig(io), current: name })
    print.result({ profile: name, current: true }, () => `Profile ${name} is now in use.`)
  },
}

const remove: Command = {
  name: 'profile remove',
  summary: 'Forget a profile with the credential in it',
  about: 'A session in it goes on at the broker until it ends: sign out first with mayfly logout.',
  arguments: nameArgument,
  examples: [{ text: 'by name', command: 'mayfly profile remove lab' }],
  async run(context) {
    const { io, print } = context
    const name = known(context)
    writeConfig(io, withProfile(readConfig(io), name, undefined))
    print.result({ ok: true, profile: name }, () => `Profile ${name} is forgotten.`)
  },
}

function known({ io, args }: Context): string {
  const name = args['name']!
  const { profiles } = readConfig(io)
  if (Object.hasOwn(profiles, name)) return name
  throw new CliError({ what: `There is no profile "${name}".`, next: 'mayfly profile list' })
}

export const profileCommands: readonly Command[] = [add, list, use, remove]
