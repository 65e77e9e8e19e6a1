// Connector `redis`: an ACL user that sees the keys below one prefix, and nothing else of the server. At the end the keys are
// deleted and the user with them. Redis 6.2 or later, not a cluster.

import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import type { ResolveOutbound } from '#apps/outbound/outbound.ts'
import {
  type Access,
  type Connector,
  ConnectorFailure,
  checkTime,
  type Destroyed,
  type Target,
} from '#core/connector/connector.ts'
import type { RedisConfig } from '#core/connector/kinds/redis.ts'
import { keyPrefix, outsideName } from '#core/connector/names.ts'
import { type AnswerBound, boundAnswers } from './bound-answers.ts'
import { type Doors, knownFailure, reach } from './reach.ts'
import { redisRights } from './redis-rights.ts'

const connectTimeoutMs = 3_000
const commandTimeoutMs = 5_000
const scanCount = 1_000
/** In one answer: as many keys as a scan looks at, with long names. */
const mostAnswerBytes = 128 * 1024 * 1024

/** nowSeconds: since the epoch, on the database's clock. */
export function redisConnector(resolve: ResolveOutbound, nowSeconds: () => number): Connector {
  const doors = { resolve, nowSeconds }
  const grant = (target: Target): Promise<Access> =>
    withClient(doors, target, async client => {
      const { host, port } = target.config as unknown as RedisConfig
      const [user, prefix] = [outsideName(target.attachmentId), keyPrefix(target.attachmentId)]
      const password = randomBytes(32).toString('base64url')
      const hash = createHash('sha256').update(password).digest('hex')
      // One command: there is no moment with the old password and the new rights. Only the hash leaves this process.
      await client.call('ACL', 'SETUSER', user, 'reset', ...redisRights, `~${prefix}*`, `&${prefix}*`, `#${hash}`, 'on')
      await save(client)
      await endConnections(client, user)
      return { host, port, user, password, prefix }
    })
  return {
    provision: grant,
    rotate: grant,
    lock: target =>
      withClient(doors, target, async client => {
        const user = outsideName(target.attachmentId)
        if ((await client.call('ACL', 'GETUSER', user)) === null) return
        await client.call('ACL', 'SETUSER', user, 'off', 'resetpass')
        await save(client)
        await endConnections(client, user)
      }),
    // A password of Redis has no end of its own.
    extend: async () => {},
    destroy: target => withClient(doors, target, (client, bound) => destroy(client, target, { nowSeconds, bound })),
  }
}

/** The user first, so that nothing is written any more while its keys are deleted. */
async function destroy(
  client: Redis,
  target: Target,
  { nowSeconds, bound }: { readonly nowSeconds: () => number; readonly bound: AnswerBound },
): Promise<readonly Destroyed[]> {
  const user = outsideName(target.attachmentId)
  const users = Number(await client.call('ACL', 'DELUSER', user))
  await save(client)
  await endConnections(client, user)
  let keys = 0
  let cursor = '0'
  do {
    checkTime(target, nowSeconds() * 1000)
    bound.next()
    const [next, found] = await client.scan(cursor, 'MATCH', `${keyPrefix(target.attachmentId)}*`, 'COUNT', scanCount)
    if (found.length > 0) keys += await client.unlink(...found)
    cursor = next
  } while (cursor !== '0')
  const all = [
    { what: 'key', count: keys },
    { what: 'user', count: users },
  ]
  return all.filter(({ count }) => count > 0)
}

/** Those of a deleted user end by themselves in newer versions; here it is made certain. */
const endConnections = (client: Redis, user: string) => client.call('CLIENT', 'KILL', 'USER', user).catch(ignoreUnknownUser)

function ignoreUnknownUser(error: unknown): void {
  if (!(error instanceof Error && /no such user/i.test(error.message))) throw error
}

/**
 * Where users are kept in a file, a restart must neither lose one nor bring a deleted one back. A server without such a file
 * forgets them all when it restarts, and with them their access.
 */
async function save(client: Redis): Promise<void> {
  try {
    await client.call('ACL', 'SAVE')
  } catch (error) {
    if (!(error instanceof Error && /not configured to use an ACL file/i.test(error.message))) throw error
  }
}

async function withClient<T>(
  { resolve, nowSeconds }: Doors,
  target: Target,
  work: (client: Redis, bound: AnswerBound) => Promise<T>,
): Promise<T> {
  try {
    checkTime(target, nowSeconds() * 1000)
    const client = await openClient(resolve, target)
    // Who is not let in is told only that the connection is closed; why was said before.
    let heard: unknown
    client.on('error', error => {
      heard ??= error
    })
    const cut = (): void => client.disconnect()
    const bound = boundAnswers(mostAnswerBytes, () => client.stream as Socket | undefined, cut)
    target.signal.addEventListener('abort', cut, { once: true })
    try {
      await client.connect().catch(error => {
        throw heard ?? error
      })
      checkTime(target, nowSeconds() * 1000)
      return await work(client, bound)
    } catch (error) {
      bound.check()
      throw error
    } finally {
      bound.end()
      target.signal.removeEventListener('abort', cut)
      client.disconnect()
    }
  } catch (error) {
    throw failureOf(error)
  }
}

async function openClient(resolve: ResolveOutbound, { config: given, admin }: Target): Promise<Redis> {
  const config = given as unknown as RedisConfig
  const { address, tls } = await reach(resolve, config)
  return new Redis({
    host: address,
    port: config.port,
    username: config.user,
    ...(admin['password'] && { password: admin['password'] }),
    ...(tls && { tls }),
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    // Each step is one connection; what fails is tried again by whoever called.
    retryStrategy: () => null,
  })
}

function failureOf(error: unknown): ConnectorFailure {
  const known = knownFailure(error)
  if (known) return known
  const text = error instanceof Error ? `${error.name} ${error.message}` : ''
  if (/WRONGPASS|NOAUTH|NOPERM/.test(text))
    return new ConnectorFailure('not_authorised', 'it does not accept the connector', error)
  if (/timed out/i.test(text)) return new ConnectorFailure('timeout', 'no answer', error)
  if (/ReplyError/.test(text)) return new ConnectorFailure('failed', 'it refused a command', error)
  return new ConnectorFailure('unreachable', 'no connection', error)
}
