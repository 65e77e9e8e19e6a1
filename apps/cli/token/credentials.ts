// What a workload shows for a task token: a certificate, a DPoP key, a token of its platform, a key of its own. From flags, or
// for the development agent from `.mayfly/dev.json`.

import { execFile } from 'node:child_process'
import type { MayflyClientOptions } from '../../../packages/client/src/index.ts'
import { CliError, systemCode, UsageError } from '../cli-error.ts'
import type { Context, Options } from '../command.ts'
import { type Connection, resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'

export const credentialOptions: Options = {
  'subject-token-file': {
    type: 'string',
    value: 'FILE',
    summary: "the workload's own token: of Kubernetes, CI; - is standard input",
  },
  'subject-token-command': { type: 'string', value: 'COMMAND', summary: 'a shell command that prints it' },
  'account-credential-file': {
    type: 'string',
    value: 'FILE',
    summary: 'the credential of an account that was opened for this workload (mfa_…); with --cert or --dpop-key',
  },
  cert: { type: 'string', value: 'FILE', summary: 'client certificate, PEM: the token is bound to its key' },
  key: { type: 'string', value: 'FILE', summary: 'its private key, PEM' },
  'dpop-key': { type: 'string', value: 'FILE', summary: 'private key, PEM: the token is bound to it by DPoP' },
  'client-id': { type: 'string', value: 'ID', summary: 'the agent that --client-key authenticates' },
  'client-key': { type: 'string', value: 'FILE', summary: 'private key, PEM, that the registration of the agent names' },
}

type Credentials = Pick<MayflyClientOptions, 'certificate' | 'dpop' | 'clientAssertion' | 'subjectToken' | 'subjectTokenType'>

/** Throws a UsageError where the flags make no credential. */
export function readCredentials(context: Context, connection: Connection): Credentials {
  const { flags } = context
  const given = Object.keys(credentialOptions).filter(name => flags.text(name) !== undefined)
  const { source } = connection
  if (given.length === 0 && source.kind === 'development') {
    const { certFile, keyFile, subjectTokenCommand } = source.file.agent
    return {
      certificate: { cert: readNamedFile(certFile), key: readNamedFile(keyFile) },
      subjectToken: () => run(context, subjectTokenCommand),
    }
  }
  return { ...certificateOf(context), ...keysOf(context), ...subjectOf(context) }
}

function certificateOf(context: Context): Credentials {
  const [cert, key] = [fileOf(context, 'cert'), fileOf(context, 'key')]
  if ((cert === undefined) !== (key === undefined)) throw new UsageError({ what: '--cert and --key belong together.' })
  return cert === undefined || key === undefined ? {} : { certificate: { cert, key } }
}

function keysOf(context: Context): Credentials {
  const [privateKey, dpop, clientId] = [
    fileOf(context, 'client-key'),
    fileOf(context, 'dpop-key'),
    context.flags.text('client-id'),
  ]
  if ((privateKey === undefined) !== (clientId === undefined))
    throw new UsageError({ what: '--client-id and --client-key belong together.' })
  return {
    ...(dpop !== undefined && { dpop: { privateKey: dpop } }),
    ...(privateKey !== undefined && clientId !== undefined && { clientAssertion: { clientId, privateKey } }),
  }
}

const subjectFlags = ['subject-token-file', 'subject-token-command', 'account-credential-file'] as const
/** The subject token of whoever holds an account that was opened ahead. */
const accountCredentialType = 'urn:mayfly:token-type:account-credential'

/** Platforms replace the file, and commands print another token each time: read anew before each exchange. */
function subjectOf(context: Context): Credentials {
  const { flags, io } = context
  const [file, command, account] = subjectFlags.map(name => flags.text(name))
  if ([file, command, account].filter(given => given !== undefined).length > 1)
    throw new UsageError({ what: `Give one of --${subjectFlags.join(', --')}.` })
  if (account !== undefined)
    return { subjectToken: readNamedFile(resolvePath(io, account)).trim(), subjectTokenType: accountCredentialType }
  if (command !== undefined) return { subjectToken: () => run(context, command) }
  if (file === '-') {
    let text: Promise<string> | undefined
    return { subjectToken: () => (text ??= io.readInput()) }
  }
  if (file !== undefined) return { subjectToken: () => readNamedFile(resolvePath(io, file)) }
  if (flags.text('client-key') !== undefined) return {}
  throw new UsageError({
    what: 'What proves which workload this is?',
    why: 'There is no --subject-token-file, no --subject-token-command and no --client-key.',
    next: 'mayfly token --help shows one of each.',
  })
}

function fileOf({ flags, io }: Context, flag: string): string | undefined {
  const path = flags.text(flag)
  return path === undefined ? undefined : readNamedFile(resolvePath(io, path))
}

/** What the command prints. Its output holds a token, so no failure quotes it; what it says on stderr goes to ours. */
function run({ io }: Context, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 30_000, maxBuffer: 64 * 1024, signal: io.signal, cwd: io.cwd, env: io.env as NodeJS.ProcessEnv }
    execFile('/bin/sh', ['-c', command], options, (error, out, err) => {
      if (!error) return resolve(out)
      const code = typeof error.code === 'number' ? `exit code ${error.code}` : (systemCode(error) ?? error.signal ?? 'no reason')
      const said = err.trim().split('\n').slice(-3).join('\n')
      reject(new CliError({ what: 'The command that gives the workload token failed.', why: `${code}\n${said}`.trim() }))
    })
  })
}
