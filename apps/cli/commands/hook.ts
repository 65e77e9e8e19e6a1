// `mayfly hook`: Claude Code calls these. Hooks read one JSON object on standard input; the headers helper of an MCP server reads
// nothing. What they say is read by a model, so no token ever stands in it, save in headers, which Claude Code keeps to itself.

import { type MayflyClient, MayflyError, type Permissions } from '../../../packages/client/src/index.ts'
import { isWithin } from '../../../packages/client/src/resource-fetch.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { endAccount, isLive, openForSubagent, taskOfSession } from '../hook/hook-accounts.ts'
import { readHookInput, sessionOf } from '../hook/hook-input.ts'
import { HookMemory } from '../hook/hook-memory.ts'
import { askedOptions, permissionOptions, readAsked } from '../token/asked.ts'
import { issuerOf, issuerOption, newClient } from '../token/client.ts'
import { credentialOptions } from '../token/credentials.ts'
import { tokenFailure } from '../token/token-failure.ts'

const subagentStart: Command = {
  name: 'hook subagent-start',
  summary: 'Claude Code hook: give a sub-agent an account of its own, below the session’s',
  about: `For the event SubagentStart. The account may what the flags say and no more; it is over with the sub-agent, or with the session.
The sub-agent is told its account and how to get tokens in it; no token is told to a model. A sub-agent that goes on keeps its account.`,
  options: { ...permissionOptions, ...credentialOptions, ...issuerOption },
  examples: [
    {
      text: 'in .claude/settings.json, at the development broker',
      command: 'mayfly hook subagent-start',
    },
    {
      text: 'with a certificate, for one API',
      command:
        'mayfly hook subagent-start --resource https://api.example.com/orders --scope orders:read --subject-token-file /run/token --cert agent.pem --key agent.key',
    },
  ],
  run: context =>
    withClient(context, async (client, connection) => {
      const asked = await readAsked(context, connection)
      const { sessionId, agentId } = await readHookInput(context.io, 'subagent')
      const memory = new HookMemory(context.io, sessionId)
      const accountId = await accountOfSubagent(client, memory, { sessionId, agentId: agentId! }, asked)
      const command = `mayfly token --account-id ${accountId} --resource ${asked.resource}`
      const additionalContext = `You have a temporary Mayfly account of your own, ${accountId}, for ${asked.resource}. It ends when you do. \
Calls of that API need a token each, with the flags of this project's hook: curl -H "Authorization: Bearer $(${command})". \
Never print, store or repeat a token.`
      context.io.out(`${JSON.stringify({ hookSpecificOutput: { hookEventName: 'SubagentStart', additionalContext } })}\n`)
    }),
}

const subagentStop: Command = {
  name: 'hook subagent-stop',
  summary: 'Claude Code hook: end the account of a sub-agent that is done',
  about:
    'For the event SubagentStop. The account is completed: none of its tokens is taken any more. One without an account is no failure.',
  options: { ...credentialOptions, ...issuerOption },
  examples: [{ text: 'in .claude/settings.json, at the development broker', command: 'mayfly hook subagent-stop' }],
  run: context =>
    withClient(context, async client => {
      const { sessionId, agentId } = await readHookInput(context.io, 'subagent')
      const memory = new HookMemory(context.io, sessionId)
      const accountId = memory.find(agentId!)
      if (accountId === undefined) return
      await endAccount(client, accountId)
      memory.forget(agentId!)
    }),
}

const sessionEnd: Command = {
  name: 'hook session-end',
  summary: 'Claude Code hook: end the account of a session, and of all its sub-agents',
  about: 'For the event SessionEnd. What is left behind by a kill -9 expires.',
  options: { ...credentialOptions, ...issuerOption },
  examples: [{ text: 'in .claude/settings.json, at the development broker', command: 'mayfly hook session-end' }],
  run: context =>
    withClient(context, async client => {
      const { sessionId } = await readHookInput(context.io, 'session')
      const memory = new HookMemory(context.io, sessionId)
      const accountId = memory.find()
      if (accountId === undefined) return
      await endAccount(client, accountId)
      memory.forgetAll()
    }),
}

const headers: Command = {
  name: 'hook headers',
  summary: 'Claude Code headersHelper: headers with a task token for an MCP server',
  about: `Prints {"Authorization": "Bearer …"} for the connection that Claude Code is about to make. The server's address is the resource where
--resource is not given; a token is given for no server outside its resource. In a session all servers share the session's account.
A token that is bound to --cert needs the same certificate in CLAUDE_CODE_CLIENT_CERT and CLAUDE_CODE_CLIENT_KEY.`,
  options: { ...askedOptions, ...credentialOptions, ...issuerOption },
  examples: [
    {
      text: 'in .mcp.json, as "headersHelper" of a server',
      command: 'mayfly hook headers --scope orders:read --subject-token-file /run/token --cert agent.pem --key agent.key',
    },
  ],
  run: context =>
    withClient(context, async (client, connection) => {
      const { io } = context
      const server = io.env['CLAUDE_CODE_MCP_SERVER_URL']
      const asked = await readAsked(context, connection, server)
      if (server !== undefined && !(URL.canParse(server) && isWithin(new URL(server), asked.resource))) {
        throw new CliError({
          what: `No token for ${server}.`,
          why: `It does not lie within ${asked.resource}, which the token would be for.`,
          next: 'Correct --resource, or the server’s url in .mcp.json.',
        })
      }
      const session = sessionOf(io)
      const inSession = session !== undefined && asked.taskId === undefined && asked.accountId === undefined
      const token = client.taskToken({ ...asked, ...(inSession && { taskId: taskOfSession(session) }) })
      const { accessToken, tokenType, accountId } = await token.get({ signal: io.signal })
      if (inSession && accountId !== undefined) new HookMemory(io, session).keep(undefined, accountId)
      if (tokenType !== 'Bearer')
        throw new UsageError({ what: 'A header alone cannot prove a DPoP key: use --cert instead of --dpop-key.' })
      io.out(`${JSON.stringify({ Authorization: `Bearer ${accessToken}` })}\n`)
    }),
}

export const hookCommands: readonly Command[] = [subagentStart, subagentStop, sessionEnd, headers]

/** The one that it has, where that still lives: a sub-agent that is woken again starts again. */
async function accountOfSubagent(
  client: MayflyClient,
  memory: HookMemory,
  who: { readonly sessionId: string; readonly agentId: string },
  asked: Permissions,
): Promise<string> {
  const before = memory.find(who.agentId)
  if (before !== undefined && (await isLive(client, before))) return before
  const { session, subagent } = await openForSubagent(client, who, asked)
  memory.keep(undefined, session)
  memory.keep(who.agentId, subagent)
  return subagent
}

async function withClient(
  context: Context,
  work: (client: MayflyClient, connection: ReturnType<Context['connection']>) => Promise<void>,
): Promise<void> {
  const connection = context.connection()
  const issuer = issuerOf(context, connection)
  const client = newClient(context, connection, issuer)
  try {
    await work(client, connection)
  } catch (error) {
    throw error instanceof MayflyError ? tokenFailure(issuer, error) : error
  } finally {
    await client.close()
  }
}
