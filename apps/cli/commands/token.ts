// `mayfly token`: what a workload has, exchanged for a token that is good for one task at one API.

import { MayflyError, type TaskTokenValue } from '../../../packages/client/src/index.ts'
import { UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { writePrivateFile } from '../config/private-file.ts'
import { askedOptions, readAsked } from '../token/asked.ts'
import { issuerOf, issuerOption, newClient } from '../token/client.ts'
import { credentialOptions } from '../token/credentials.ts'
import { keepToken } from '../token/keep-token.ts'
import { tokenFailure } from '../token/token-failure.ts'

export const token: Command = {
  name: 'token',
  summary: 'Get a task token for one API',
  about: `Exchanges what this workload has (a token of its platform, a certificate, a key) for a task token, and prints the token alone.
At the development broker (npm start) it needs no flags: the demo agent then asks for the demo API.`,
  options: {
    ...askedOptions,
    ...credentialOptions,
    ...issuerOption,
    out: { type: 'string', value: 'FILE', summary: 'write the token to a file that only you can read, replaced as a whole' },
    watch: { type: 'boolean', summary: 'stay, and replace the file before its token ends' },
  },
  examples: [
    { text: 'at the development broker', command: 'mayfly token' },
    {
      text: 'in a CI job, bound to a certificate',
      command:
        'mayfly token --resource https://api.example.com/orders --scope orders:read --subject-token-file job-token --cert agent.pem --key agent.key',
    },
    {
      text: 'a file that always holds a good token',
      command:
        'mayfly token --resource https://api.example.com/orders --scope orders:read --subject-token-file /run/token --cert a.pem --key a.key --out task-token --watch',
    },
    {
      text: 'without a certificate, the agent as itself',
      command:
        'mayfly token --resource https://api.example.com/orders --scope orders:read --client-id agt_… --client-key agent.key',
    },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { io, flags, print } = context
  const out = flags.text('out')
  if (flags.has('watch') && out === undefined)
    throw new UsageError({ what: '--watch needs --out FILE: the file that it keeps fresh.' })
  const connection = context.connection()
  const asked = await readAsked(context, connection)
  const issuer = issuerOf(context, connection)
  const client = newClient(context, connection, issuer)
  const path = out === undefined ? undefined : resolvePath(io, out)
  try {
    const taskToken = client.taskToken(asked)
    if (path === undefined || !flags.has('watch'))
      return show(context, await print.progress('Asking for a token', () => taskToken.get({ signal: io.signal })), path)
    await keepToken(io, taskToken, {
      onToken: value => replace(context, value, path),
      onFailure: (error, againInMs) => print.note(`${error.message}. Trying again in ${Math.ceil(againInMs / 1000)} s.`),
    })
  } catch (error) {
    throw error instanceof MayflyError ? tokenFailure(issuer, error) : error
  } finally {
    await client.close()
  }
}

function show({ print, io }: Context, value: TaskTokenValue, path: string | undefined): void {
  if (path === undefined) print.result({ access_token: value.accessToken, ...answerOf(value) }, () => value.accessToken)
  else {
    writePrivateFile(path, `${value.accessToken}\n`)
    print.thing({ token_file: path, ...answerOf(value) })
  }
  // The address holds a secret and comes once; a log of a CI job is no place for it.
  if (value.claimUri && path === undefined && !print.json && io.terminal.err)
    print.note(`A new account. Who takes it over, opens: ${value.claimUri}`)
}

function replace({ print }: Context, value: TaskTokenValue, path: string): void {
  writePrivateFile(path, `${value.accessToken}\n`)
  const { claim_uri: _, ...answer } = answerOf(value)
  if (print.json) print.jsonLine({ token_file: path, ...answer })
  else print.note(`${path}: a token until ${answer.expires_at}`)
}

const answerOf = (value: TaskTokenValue) => ({
  token_type: value.tokenType,
  expires_at: value.expiresAt.toISOString(),
  ...(value.accountId !== undefined && { account_id: value.accountId }),
  ...(value.taskId !== undefined && { task_id: value.taskId }),
  ...(value.accountExpiresAt !== undefined && { account_expires_at: value.accountExpiresAt.toISOString() }),
  scope: value.scope.join(' '),
  authorization_details: value.authorizationDetails,
  ...(value.claimUri !== undefined && { claim_uri: value.claimUri }),
})
