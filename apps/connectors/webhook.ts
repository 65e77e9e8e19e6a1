// Connector `webhook`: a service of one's own makes the thing. It is called for each step, signed (`core/webhook`), and called
// again until it answers: the `webhook-id` of a step is always the same, so it can tell a repetition.

import { hash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { HttpsAnswer, HttpsClient } from '#apps/outbound/https.ts'
import {
  type Access,
  type Connector,
  ConnectorFailure,
  checkTime,
  type Destroyed,
  type Target,
} from '#core/connector/connector.ts'
import type { WebhookConfig } from '#core/connector/kinds/webhook.ts'
import { formatId } from '#core/ids/id.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'
import { parseStrictJson } from '#core/json/parse-strict.ts'
import { signMessage } from '#core/webhook/signature.ts'
import { knownFailure } from './reach.ts'

const maxAnswerBytes = 32 * 1024
const maxMembers = 32
/** Waits between attempts of a step for which somebody waits; the others are repeated by the worker. */
const retryAfterMs = [200, 1_000]

type Step = 'provision' | 'rotate' | 'lock' | 'extend' | 'destroy'

/** nowSeconds: the time by which receivers judge how old a call is. */
export function webhookConnector(https: HttpsClient, nowSeconds: () => number): Connector {
  const call = async (step: Step, target: Target): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await send(https, step, target, nowSeconds())
    if (answer.status === 404 || answer.status === 410) {
      if (step === 'provision' || step === 'rotate') throw new ConnectorFailure('failed', `it answered ${answer.status}`)
      return {}
    }
    if (answer.status === 401 || answer.status === 403)
      throw new ConnectorFailure('not_authorised', `it answered ${answer.status}`)
    if (answer.status >= 500 || answer.status === 429) throw new ConnectorFailure('unreachable', `it answered ${answer.status}`)
    if (answer.status < 200 || answer.status > 299) throw new ConnectorFailure('failed', `it answered ${answer.status}`)
    return readAnswer(answer)
  }
  const grant = async (step: 'provision' | 'rotate', target: Target): Promise<Access> => {
    for (const waitMs of [...retryAfterMs, undefined]) {
      try {
        return readAccess(await call(step, target))
      } catch (error) {
        if (waitMs === undefined || !isWorthRetrying(error)) throw error
        await delay(waitMs, undefined, { signal: target.signal })
      }
    }
    throw new ConnectorFailure('failed', 'unreachable code')
  }
  return {
    provision: target => grant('provision', target),
    rotate: target => grant('rotate', target),
    lock: async target => void (await call('lock', target)),
    extend: async target => void (await call('extend', target)),
    destroy: async target => readDestroyed(await call('destroy', target)),
  }
}

const isWorthRetrying = (error: unknown): boolean =>
  error instanceof ConnectorFailure && (error.reason === 'unreachable' || error.reason === 'timeout')

async function send(https: HttpsClient, step: Step, target: Target, nowSeconds: number): Promise<HttpsAnswer> {
  const { url, ca_pem: caPem } = target.config as unknown as WebhookConfig
  const { attachmentId, accountId, agentId, tenantId, rotation, deadlineSeconds } = target
  const body = JSON.stringify({
    type: `attachment.${step}`,
    timestamp: new Date(nowSeconds * 1000).toISOString(),
    data: {
      attachment: formatId('attachment', attachmentId),
      account: formatId('account', accountId),
      agent: formatId('agent', agentId),
      tenant: formatId('tenant', tenantId),
      rotation,
      expires_at: Number.isFinite(deadlineSeconds) ? new Date(deadlineSeconds * 1000).toISOString() : null,
    },
  })
  const id = `msg_${hash('sha256', `${attachmentId} ${step} ${rotation} ${step === 'extend' ? deadlineSeconds : ''}`, 'hex').slice(0, 32)}`
  const headers = {
    'content-type': 'application/json',
    ...signMessage({ id, timestampSeconds: Math.floor(nowSeconds), body }, [target.admin['signing'] ?? '']),
  }
  try {
    checkTime(target, nowSeconds * 1000)
    return await https.call({ url, caPem, method: 'POST', headers, body, maxBytes: maxAnswerBytes, signal: target.signal })
  } catch (error) {
    const known = knownFailure(error)
    if (known) throw known
    const isLate = error instanceof Error && /timeout/i.test(error.name)
    throw new ConnectorFailure(isLate ? 'timeout' : 'unreachable', 'no answer', error)
  }
}

function readAnswer({ body }: HttpsAnswer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {}
  try {
    const value = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(body), {
      numbers: 'any',
      maxBytes: maxAnswerBytes,
    })
    if (isJsonObject(value)) return value
  } catch {
    // Said below: what it sent may hold a secret.
  }
  throw new ConnectorFailure('failed', 'its answer is not a JSON object')
}

function readAccess(answer: Readonly<Record<string, unknown>>): Access {
  const access = answer['access']
  const isAccess =
    isJsonObject(access) &&
    Object.keys(access).length <= maxMembers &&
    Object.values(access).every(value => typeof value === 'string' || typeof value === 'number')
  if (!isAccess) throw new ConnectorFailure('failed', 'its answer holds no access: an object of texts and numbers')
  return access as Access
}

/** What it says of what it took down; what cannot be read is left out, since the thing is gone all the same. */
function readDestroyed(answer: Readonly<Record<string, unknown>>): readonly Destroyed[] {
  const list = Array.isArray(answer['destroyed']) ? answer['destroyed'].slice(0, maxMembers) : []
  return list.flatMap((item: unknown) => {
    if (!isJsonObject(item)) return []
    const { what, count } = item
    // Kinds of things, never names: this goes into the log in clear.
    if (typeof what !== 'string' || !/^[a-z][a-z_ ]{0,31}$/.test(what) || !Number.isSafeInteger(count) || Number(count) < 0)
      return []
    return [{ what, count: Number(count) }]
  })
}
