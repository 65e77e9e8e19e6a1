// Two brokers on one database, and what each of them signed: for keys that rotate while both issue tokens.

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll } from 'vitest'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import { createLogger } from '#apps/process/logger.ts'
import { hashLeaf } from '#core/audit/event.ts'
import { freePort } from '#test/setup/free-port.ts'
import { readLog } from '#test/setup/log-reader.ts'
import { createHttp, type Http } from '#test/setup/registration.ts'
import { resourceUri } from '#test/setup/running-broker.ts'
import { type BrokerInUse, useBroker } from '#test/setup/use-broker.ts'

export interface Issued {
  readonly token: string
  readonly kid: string
  readonly evt: string
  readonly endsMs: number
}

export interface TwoBrokers {
  readonly use: BrokerInUse
  /** These three only while tests run. Of the first broker and the second. */
  readonly second: Broker
  readonly doors: readonly [Http, Http]
  readonly urls: readonly [string, string]
}

/** Call at the top of a test file. */
export function useTwoBrokers(): TwoBrokers {
  const use = useBroker()
  let second: Broker | undefined
  let doors: readonly [Http, Http] | undefined
  let urls: readonly [string, string] | undefined
  beforeAll(async () => {
    const { config, ca } = use.running
    const [port, mtlsPort] = [await freePort(), await freePort()]
    second = await startBroker({ ...config, port, mtlsPort }, createLogger('broker', 'silent'))
    const here = { publicUrl: `https://localhost:${port}`, mtlsUrl: `https://localhost:${mtlsPort}` }
    doors = [createHttp(config, ca.certificatePem), createHttp(here, ca.certificatePem)]
    urls = [config.publicUrl, here.publicUrl]
  })
  afterAll(async () => {
    await Promise.all((doors ?? []).map(door => door.close()))
    await second?.close()
  })
  return {
    use,
    get second() {
      return second!
    },
    get doors() {
      return doors!
    },
    get urls() {
      return urls!
    },
  }
}

/**
 * The answer of a broker that was not in time: no token is refused by it, and whoever asks again gets one. Counted apart, never
 * ignored; but how many there are says how busy the machine is, and little of rotation.
 */
export const busy = 'busy'

/** A token of one of the brokers, for two seconds unless `changes` says otherwise; else why there is none. */
export async function askFor(
  { running }: BrokerInUse,
  door: Http,
  changes: Record<string, string> = {},
): Promise<Issued | string> {
  const detail = { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/{id}' }
  const form = running.form({ ttl: '2', authorization_details: JSON.stringify([detail]), ...changes })
  const answer = await door.token(form, running.certificate)
  if (answer.status === 503 && answer.headers['retry-after']) return busy
  if (answer.status !== 200) return `${answer.status} ${answer.text}`
  const token: string = answer.body.access_token
  const { exp, evt } = decodeJwt(token)
  return { token, kid: decodeProtectedHeader(token).kid!, evt: evt as string, endsMs: exp! * 1000 }
}

/** The same from whoever asks again while the broker is not in time. Throws for every other answer. */
export async function getFrom(use: BrokerInUse, door: Http, changes?: Record<string, string>): Promise<Issued> {
  for (;;) {
    const got = await askFor(use, door, changes)
    if (typeof got !== 'string') return got
    if (got !== busy) throw new Error(got)
  }
}

/** Tokens that stand in the log before their key signed, or behind the event with which it stopped. */
export async function signedOutOfTurn({ database }: BrokerInUse, issued: readonly Issued[]): Promise<string[]> {
  const { starts, ends, tokens } = await readPositions(database)
  return issued.flatMap(({ kid, evt }) => {
    const at = tokens.get(evt)
    if (at === undefined) return [`${evt} is not in the log`]
    if (at < starts.get(kid)!) return [`${kid} signed before its time`]
    return at > (ends.get(kid) ?? Number.POSITIVE_INFINITY) ? [`${kid} signed after its time`] : []
  })
}

/** Positions in the log of what concerns each key, and of each token by its receipt. */
async function readPositions({ admin }: BrokerInUse['database']) {
  const [starts, ends, tokens] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()]
  for (const { position, leaf, leafText, body } of await readLog(admin)) {
    if (leaf.type === 'token.issued') tokens.set(hashLeaf(leafText), position)
    if (['signing_key.created', 'signing_key.activated', 'signing_key.replaced'].includes(leaf.type))
      starts.set(body.kid, position)
    if (leaf.type === 'signing_key.activated') ends.set(body.retiring, position)
    if (leaf.type === 'signing_key.replaced') for (const kid of body.retired) ends.set(kid, position)
  }
  return { starts, ends, tokens }
}
