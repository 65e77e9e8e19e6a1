// What a task token is asked for, from flags.

import type { Permissions } from '../../../packages/client/src/index.ts'
import { UsageError } from '../cli-error.ts'
import type { Context, Options } from '../command.ts'
import type { Connection } from '../config/connection.ts'
import { readSource, secondsOf } from '../v1/read-body.ts'

export const permissionOptions: Options = {
  resource: { type: 'string', value: 'URI', summary: 'the API that it is for, as registered' },
  scope: { type: 'string', value: 'SCOPE', many: true, summary: 'what it may' },
  details: { type: 'string', value: 'JSON', summary: 'what exactly it may (RFC 9396), a JSON array; @FILE reads it from a file' },
  ttl: { type: 'string', value: 'TIME', summary: 'how long it should live: 60s, 5m; the broker may give less' },
}

export const askedOptions: Options = {
  ...permissionOptions,
  'task-id': { type: 'string', value: 'ID', summary: 'the task that it is for; the first token of a task opens its account' },
  'account-id': { type: 'string', value: 'ID', summary: 'the account to stay in' },
  nonce: { type: 'string', value: 'NONCE', summary: 'a nonce of the API (Task-Nonce)' },
}

/**
 * Throws a UsageError where it is not said what for. The development agent asks for the development resource. otherwise: the resource
 * that is meant where none is named.
 */
export async function readAsked(context: Context, { source }: Connection, otherwise?: string): Promise<Permissions> {
  const { flags } = context
  const development = source.kind === 'development' ? source.file.resource : undefined
  const resource = flags.text('resource') ?? otherwise ?? development
  if (resource === undefined)
    throw new UsageError({ what: 'A token needs --resource: the API that it is for.', next: 'mayfly resources list' })
  const details = flags.text('details')
  const scope = flags.all('scope').flatMap(each => each.split(' ').filter(Boolean))
  const standard = scope.length === 0 && details === undefined && resource === development ? ['orders:read'] : scope
  const ttl = flags.text('ttl')
  return {
    resource,
    ...(standard.length > 0 && { scope: standard }),
    ...(details !== undefined && { authorizationDetails: await readDetails(context, details) }),
    ...optional('taskId', flags.text('task-id')),
    ...optional('accountId', flags.text('account-id')),
    ...optional('nonce', flags.text('nonce')),
    ...(ttl !== undefined && { ttl: secondsOf('ttl', ttl) }),
  }
}

const optional = <Name extends string>(name: Name, value: string | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: string }

/** Details as `--details` names them. Throws a UsageError for what is no JSON array. */
export async function readDetails(context: Context, given: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = given.startsWith('@') ? await readSource(context, given.slice(1)) : given
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
  } catch {
    // Told below, as what is no array is.
  }
  throw new UsageError({
    what: '--details is no JSON array.',
    next: `--details '[{"type":"agent_http","locations":["https://api.example.com/orders"],"methods":["GET"],"uri_template":"/{id}"}]'`,
  })
}
