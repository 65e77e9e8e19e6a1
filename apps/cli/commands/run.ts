// `mayfly run`: an account for as long as a command runs.

import { randomUUID } from 'node:crypto'
import { type MayflyClient, MayflyError, type TaskToken, type TaskTokenValue } from '../../../packages/client/src/index.ts'
import { CommandEnded, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { type ChildEnd, runChild } from '../run/run-child.ts'
import { openTokenPlace, type TokenPlace } from '../run/token-place.ts'
import { permissionOptions, readAsked } from '../token/asked.ts'
import { issuerOf, issuerOption, newClient } from '../token/client.ts'
import { credentialOptions } from '../token/credentials.ts'
import { keepToken } from '../token/keep-token.ts'
import { tokenFailure } from '../token/token-failure.ts'
import { secondsOf } from '../v1/read-body.ts'

const standardGrace = '10s'
/** How long the broker may take to be told of the end, tries included. */
const endWithinMs = 15_000

export const run: Command = {
  name: 'run',
  summary: 'Run a command with a token, in an account that ends with it',
  about: `Opens an account for the task, runs the command, and ends the account: completed where the command ended by itself, whatever its
exit code; revoked where it was stopped (Ctrl-C, SIGTERM, SIGHUP) or killed. What is left behind by kill -9 expires, and is collected.
The command has MAYFLY_TOKEN, the token at its start; MAYFLY_TOKEN_FILE, a file that always holds a good one; MAYFLY_TOKEN_SOCKET, which
gives it to whoever connects; MAYFLY_ACCOUNT_ID, MAYFLY_TASK_ID and MAYFLY_RESOURCE. A token is bound to the key of --cert or --dpop-key.
Signals and exit code are passed on. A command that does not end when it is asked to is killed after --grace.`,
  arguments: [{ name: 'command', summary: 'what to run, behind --', many: true }],
  options: {
    task: { type: 'string', value: 'ID', summary: 'what the account is for; else one is made up' },
    ...permissionOptions,
    ...credentialOptions,
    ...issuerOption,
    grace: {
      type: 'string',
      value: 'TIME',
      summary: `how long a stopped command may take to end: ${standardGrace} if not given`,
    },
  },
  examples: [
    {
      text: 'at the development broker, with the key that the token is bound to',
      command:
        'mayfly run -- sh -c \'cd .mayfly/tls && curl --cacert ca.pem --cert agent.pem --key agent-key.pem -H "Authorization: Bearer $MAYFLY_TOKEN" $MAYFLY_RESOURCE/orders/42\'',
    },
    {
      text: 'a nightly job',
      command:
        'mayfly run --task report-$(date +%F) --resource https://api.example.com/orders --scope orders:read --subject-token-file /run/token --cert agent.pem --key agent.key -- ./report.sh',
    },
  ],
  run: execute,
}

async function execute(context: Context): Promise<void> {
  const { io, flags, words } = context
  if (words.length === 0) throw new UsageError({ what: 'What should run? Give a command behind --.', next: 'mayfly run --help' })
  const graceMs = secondsOf('grace', flags.text('grace') ?? standardGrace) * 1000
  const connection = context.connection()
  const taskId = flags.text('task') ?? `run-${randomUUID()}`
  const asked = { ...(await readAsked(context, connection)), taskId }
  const issuer = issuerOf(context, connection)
  const client = newClient(context, connection, issuer)
  try {
    const token = client.taskToken(asked)
    const first = await token.get({ signal: io.signal }).catch(error => {
      throw error instanceof MayflyError ? tokenFailure(issuer, error) : error
    })
    const { exitCode, byItself } = await runWith(context, { token, first, graceMs, resource: asked.resource }).catch(
      async error => {
        await endAccount(context, client, first, false)
        throw error
      },
    )
    await endAccount(context, client, first, byItself)
    throw new CommandEnded(exitCode)
  } finally {
    await client.close()
  }
}

interface Running {
  readonly token: TaskToken
  readonly first: TaskTokenValue
  readonly graceMs: number
  readonly resource: string
}

/** The command, with a token that is kept fresh as long as it runs: also while it is coming to its end. */
async function runWith(context: Context, { token, first, graceMs, resource }: Running): Promise<ChildEnd> {
  const { io, print, words } = context
  const ended = new AbortController()
  // Who was asked to stop before the command began does not begin it.
  io.signal.throwIfAborted()
  const place = await openTokenPlace(io, first.accessToken)
  const keeping = keepToken({ ...io, signal: ended.signal }, token, {
    onToken: value => place.write(value.accessToken),
    onFailure: (error, againInMs) => print.note(`${error.message}. Trying again in ${Math.ceil(againInMs / 1000)} s.`),
  }).catch(error => {
    // The account was ended by somebody else, say. What the command does about it is its own affair.
    if (!ended.signal.aborted) print.note(`No new token: ${error instanceof Error ? error.message : String(error)}`)
  })
  try {
    return await runChild(io, { words, graceMs, env: { ...io.env, ...environmentOf(place, first, resource) } })
  } finally {
    ended.abort()
    await keeping
    place.close()
  }
}

const environmentOf = (place: TokenPlace, first: TaskTokenValue, resource: string) => ({
  MAYFLY_TOKEN: first.accessToken,
  MAYFLY_TOKEN_FILE: place.file,
  MAYFLY_TOKEN_SOCKET: place.socket,
  MAYFLY_ACCOUNT_ID: first.accountId,
  MAYFLY_TASK_ID: first.taskId,
  MAYFLY_RESOURCE: resource,
})

/** Whether it can be told or not, the command has ended as it has; an account that nobody ends expires. */
async function endAccount(
  { print }: Context,
  client: MayflyClient,
  { accountId }: TaskTokenValue,
  isDone: boolean,
): Promise<void> {
  if (accountId === undefined) return
  const account = client.account(accountId)
  const options = { signal: AbortSignal.timeout(endWithinMs) }
  try {
    await (isDone ? account.complete(options) : account.revoke(options))
  } catch (error) {
    // Over already is what was wanted.
    if (error instanceof MayflyError && (error.error === 'access_denied' || error.status === 401)) return
    const why = error instanceof Error ? error.message : String(error)
    print.note(`The account ${accountId} could not be ended (${why}). It expires by itself.`)
  }
}
