// `mayfly account open`: an account for an agent that has not come yet.

import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { writePrivateFile } from '../config/private-file.ts'
import { readDetails } from '../token/asked.ts'
import { findId } from '../v1/find-id.ts'
import { secondsOf } from '../v1/read-body.ts'

export const accountOpen: Command = {
  name: 'account open',
  summary: 'Open an account ahead, for an agent to use',
  about: `Answers with the account's credential, which its holder presents with a key of its own (mayfly token --account-credential-file), and
with the link by which a person can take the account over. Both are secrets. The credential belongs to the first key that uses it,
or to the one that is named here, and ends with the account.`,
  options: {
    agent: { type: 'string', value: 'AGENT', required: true, summary: 'whose account: its id or name' },
    task: { type: 'string', value: 'ID', summary: 'what it is for; else one is made up' },
    scope: { type: 'string', value: 'SCOPE', many: true, summary: 'what it may ever be granted; else all that its agent may' },
    details: { type: 'string', value: 'JSON', summary: 'the same (RFC 9396), a JSON array; @FILE reads it from a file' },
    ttl: { type: 'string', value: 'TIME', summary: 'how long it lives: 15m, 2h; else as long as its agent’s accounts do' },
    'key-x5t': { type: 'string', value: 'HASH', summary: "SHA-256 of its holder's certificate, base64url" },
    'key-jkt': { type: 'string', value: 'HASH', summary: "RFC 7638 thumbprint of its holder's key" },
    out: { type: 'string', value: 'FILE', summary: 'write the credential to a file that only you can read' },
  },
  operations: ['POST /v1/accounts'],
  examples: [
    {
      text: 'for one task, with less than the agent may',
      command: 'mayfly account open --agent nightly-report --task report-7 --scope orders:read --ttl 30m --out credential',
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { flags, print, io } = context
  const body = await bodyOf(context)
  const { body: opened } = await print.progress('Opening an account', () =>
    context.broker().call('account open', { method: 'POST', path: '/v1/accounts', body }),
  )
  const out = flags.text('out')
  if (out === undefined) return print.thing(opened)
  const { account_credential: credential, ...rest } = opened
  const path = resolvePath(io, out)
  writePrivateFile(path, `${credential}\n`)
  print.thing({ ...rest, account_credential_file: path })
}

async function bodyOf(context: Context): Promise<Readonly<Record<string, unknown>>> {
  const { flags } = context
  const part = { parameter: 'id', argument: 'agent', within: '/v1/agents', by: ['name'] }
  const scope = flags.all('scope').join(' ')
  const [task, ttl, details] = [flags.text('task'), flags.text('ttl'), flags.text('details')]
  const [x5t, jkt] = [flags.text('key-x5t'), flags.text('key-jkt')]
  const key = { ...(x5t !== undefined && { 'x5t#S256': x5t }), ...(jkt !== undefined && { jkt }) }
  const permissions = {
    ...(scope !== '' && { scope }),
    ...(details !== undefined && { authorization_details: await readDetails(context, details) }),
  }
  return {
    agent: await findId(context.broker(), 'account open', part, flags.text('agent')!),
    ...(task !== undefined && { task_id: task }),
    ...(Object.keys(permissions).length > 0 && { permissions }),
    ...(ttl !== undefined && { ttl: secondsOf('ttl', ttl) }),
    ...(Object.keys(key).length > 0 && { key }),
  }
}
