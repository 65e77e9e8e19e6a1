// From flags, and at the development broker from its dev.json, to a client and what it asks for.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { MayflyClientOptions, Permissions } from '../../../packages/client/src/index.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context, Options } from '../command.ts'
import { type Connection, checkUrl, resolvePath } from '../config/connection.ts'
import type { DevFile } from '../config/dev-file.ts'
import { readNamedFile } from '../config/private-file.ts'

export const tokenOptions: Options = {
  resource: { type: 'string', value: 'URI', summary: 'the API that the token is for' },
  scope: { type: 'string', value: 'SCOPE', many: true, summary: 'what for; several with spaces between them' },
  details: { type: 'string', value: 'FILE', summary: 'authorization_details (RFC 9396) as a JSON list; - is standard input' },
  'task-id': { type: 'string', value: 'ID', summary: 'the task; a new one opens an account' },
  'account-id': { type: 'string', value: 'ID', summary: 'the account to stay in' },
  ttl: { type: 'string', value: 'SECONDS', summary: 'how long it shall live; the broker may give less' },
  'subject-token-file': { type: 'string', value: 'FILE', summary: 'the workload’s own token; - is standard input' },
  identity: { type: 'string', value: 'DIR', summary: 'cert.pem and key.pem, as mayfly agent enroll keeps them' },
  cert: { type: 'string', value: 'FILE', summary: 'client certificate, PEM; the token is bound to it' },
  key: { type: 'string', value: 'FILE', summary: 'its private key, PEM' },
  'dpop-key': { type: 'string', value: 'FILE', summary: 'bind the token to this key by DPoP (RFC 9449)' },
  'client-id': { type: 'string', value: 'ID', summary: 'the agent, for --client-key' },
  'client-key': { type: 'string', value: 'FILE', summary: 'authenticate as the agent by this key (private_key_jwt)' },
  issuer: { type: 'string', value: 'URL', summary: 'the tenant’s issuer; else of the broker in use' },
  'ca-file': { type: 'string', value: 'FILE', summary: 'authorities that vouch for the broker; else as for the broker in use' },
}

/** What to ask whom, as whom. Throws a UsageError for what does not go together. */
export async function readTokenOptions(context: Context): Promise<{ client: MayflyClientOptions; permissions: Permissions }> {
  const { flags, io } = context
  const issuer = flags.text('issuer')
  const connection = issuer === undefined ? context.connection() : undefined
  const caFile = flags.text('ca-file')
  const ca = caFile === undefined ? connection?.caPem : readNamedFile(resolvePath(io, caFile))
  const development = developmentOf(context, connection)
  const certificate = certificateOf(context, development)
  const dpopKey = textOf(context, 'dpop-key')
  const subjectToken = subjectOf(context, development)
  const assertion = assertionOf(context)
  if (!subjectToken && !assertion) {
    throw new UsageError({
      what: 'Who asks? A token of the workload itself is missing.',
      next: 'Give --subject-token-file FILE, or --client-id with --client-key where the agent itself asks. mayfly token --help',
    })
  }
  return {
    client: {
      issuer: issuer === undefined ? issuerOf(connection!) : checkUrl(issuer),
      ...(ca !== undefined && { ca }),
      ...(certificate && { certificate }),
      ...(dpopKey !== undefined && { dpop: { privateKey: dpopKey } }),
      ...(subjectToken && { subjectToken }),
      ...(assertion && { clientAssertion: assertion }),
    },
    permissions: await permissionsOf(context, development),
  }
}

const issuerOf = ({ url, tenant, source }: Connection): string =>
  source.kind === 'development' ? source.file.issuer : tenant === undefined ? url : `${url}/t/${tenant}`

const identityFlags = ['subject-token-file', 'identity', 'cert', 'key', 'dpop-key', 'client-id', 'client-key']

/** At the development broker, and as nobody else, its demo agent is used. */
function developmentOf({ flags }: Context, connection: Connection | undefined): DevFile | undefined {
  const named = identityFlags.some(name => flags.text(name) !== undefined)
  return !named && connection?.source.kind === 'development' ? connection.source.file : undefined
}

function textOf({ flags, io }: Context, flag: string): string | undefined {
  const file = flags.text(flag)
  return file === undefined ? undefined : readNamedFile(resolvePath(io, file))
}

function certificateOf(context: Context, development: DevFile | undefined): MayflyClientOptions['certificate'] {
  const { flags, io } = context
  const folder = flags.text('identity')
  if (folder !== undefined) {
    if (flags.text('cert') ?? flags.text('key'))
      throw new UsageError({ what: '--identity holds certificate and key: leave out --cert and --key.' })
    const [cert, key] = ['cert.pem', 'key.pem'].map(name => readNamedFile(join(resolvePath(io, folder), name)))
    return { cert: cert!, key: key! }
  }
  if (development) return { cert: readNamedFile(development.agent.certFile), key: readNamedFile(development.agent.keyFile) }
  const [cert, key] = [textOf(context, 'cert'), textOf(context, 'key')]
  if ((cert === undefined) !== (key === undefined)) throw new UsageError({ what: '--cert and --key go together.' })
  return cert !== undefined && key !== undefined ? { cert, key } : undefined
}

/** Read anew before each exchange, as such tokens rotate; standard input is read once. */
function subjectOf({ flags, io }: Context, development: DevFile | undefined): MayflyClientOptions['subjectToken'] {
  if (development) return () => runForToken(development.agent.subjectTokenCommand, io.signal)
  const file = flags.text('subject-token-file')
  if (file === undefined) return undefined
  if (file !== '-') return () => readNamedFile(resolvePath(io, file)).trim()
  let input: Promise<string> | undefined
  return () => {
    input ??= io.readInput()
    return input
  }
}

/** The command stands in dev.json, which only this user can write (`config/dev-file.ts`). */
async function runForToken(command: string, signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { signal, timeout: 30_000 })
    return stdout.trim()
  } catch (error) {
    if (signal.aborted) throw error
    throw new CliError({
      what: 'The development provider gave no workload token.',
      why: 'The command in .mayfly/dev.json (agent.subjectTokenCommand) failed.',
      next: 'See that npm start is running in this project.',
    })
  }
}

function assertionOf(context: Context): MayflyClientOptions['clientAssertion'] {
  const [clientId, privateKey] = [context.flags.text('client-id'), textOf(context, 'client-key')]
  if ((clientId === undefined) !== (privateKey === undefined))
    throw new UsageError({ what: '--client-id and --client-key go together.' })
  return clientId !== undefined && privateKey !== undefined ? { clientId, privateKey } : undefined
}

async function permissionsOf(context: Context, development: DevFile | undefined): Promise<Permissions> {
  const { flags } = context
  const resource = flags.text('resource') ?? development?.resource
  if (resource === undefined) throw new UsageError({ what: 'mayfly token needs --resource.', next: 'mayfly resources list' })
  const details = await detailsOf(context)
  const isDemo = development !== undefined && resource === development.resource && !details && flags.all('scope').length === 0
  const scope = isDemo ? ['orders:read'] : flags.all('scope')
  const [taskId, accountId, ttl] = [flags.text('task-id'), flags.text('account-id'), flags.text('ttl')]
  if (ttl !== undefined && !/^[1-9]\d{0,6}$/.test(ttl)) throw new UsageError({ what: `--ttl ${ttl} is no number of seconds.` })
  return {
    resource,
    ...(scope.length > 0 && { scope: scope.join(' ') }),
    ...(details && { authorizationDetails: details }),
    ...(taskId !== undefined && { taskId }),
    ...(accountId !== undefined && { accountId }),
    ...(ttl !== undefined && { ttl: Number(ttl) }),
  }
}

async function detailsOf({ flags, io }: Context): Promise<Permissions['authorizationDetails']> {
  const file = flags.text('details')
  if (file === undefined) return undefined
  const text = file === '-' ? await io.readInput() : readNamedFile(resolvePath(io, file))
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
  } catch {
    // Said below.
  }
  throw new UsageError({
    what: '--details holds no JSON list.',
    next: 'docs/reference/permission-types.md shows what an entry is.',
  })
}
