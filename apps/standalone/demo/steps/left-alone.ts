// An account that nobody ends: it gets a thing outside, is left alone, and is cleared away, thing and all.

import { setTimeout as delay } from 'node:timers/promises'
import { parseId } from '#core/ids/id.ts'
import { readEntries, readLogSize } from '#db/log/read-entries.ts'
import { drawersScope } from '../../seed/registrations.ts'
import { ask } from '../ask.ts'
import { startDrawers } from '../drawers.ts'
import { leafHash } from '../evidence.ts'
import { expectReply, expectThat, UnexpectedOutcome } from '../expect.ts'
import type { Step, Story } from '../story.ts'
import { openAccount } from './orchestrator.ts'
import { askHolderToken } from './requests.ts'

const ttlSeconds = 6
/** What a worker that is behind may take; it looks each second. */
const patienceMs = 30_000

export const leaveAlone: Step = {
  name: 'leave-alone',
  why: 'What it needs outside is made for the account, for no longer.',
  async run(story) {
    const { core, registered } = story
    story.drawers = await startDrawers(core.tls.server)
    core.closing.defer(() => story.drawers.close())
    const connector = `drawers-${story.runA}`
    const registration = await registered.operator.client.call<{ id: string; signing_secret: string }>('POST', '/v1/connectors', {
      name: connector,
      kind: 'webhook',
      scope: drawersScope,
      config: { url: story.drawers.url, signature: 'ed25519', ca_pem: core.tls.caPem },
    })
    story.connectorId = registration.id
    story.drawers.trust(registration.signing_secret)
    story.forgotten = await openAccount(story, 'leave-alone', {
      task_id: `forgotten-${story.runA}`,
      permissions: { scope: drawersScope },
      ttl: ttlSeconds,
    })
    const token = await askHolderToken(story, story.forgotten, core.publicUrl, undefined, { scope: 'account' })
    expectReply(token, 200)
    const attached = await ask(`${core.mtlsUrl}/account/attachments`, core.tls.caPem, {
      identity: core.tls.agent,
      bearer: String(token.body['access_token']),
      json: { connector },
    })
    expectThat(attached.status === 201, `expected a drawer, got ${attached.status} ${JSON.stringify(attached.body)}`)
    expectThat(story.drawers.owners().includes(story.forgotten.id), 'the service has no drawer for the account')
    return {
      said: `another account, of ${ttlSeconds} s, attaches a drawer at a service → 201`,
      facts: { account_id: story.forgotten.id, attachment: attached.body['id'] },
    }
  },
}

interface TornDown {
  readonly attachments: readonly { readonly outcome: string; readonly destroyed?: readonly { what: string; count: number }[] }[]
}

export const clearedAway: Step = {
  name: 'cleared-away',
  why: 'It expired by the clock; the worker cleared up and wrote it down.',
  async run(story) {
    const { id } = story.forgotten
    const { leaf, body } = await awaitEvent(story, 'account.torn_down', id)
    const { attachments } = JSON.parse(body ?? '{}') as TornDown
    const destroyed = attachments.flatMap(each => each.destroyed ?? [])
    expectThat(attachments.length === 1 && attachments[0]?.outcome === 'destroyed', `not destroyed: ${body}`)
    expectThat(!story.drawers.owners().includes(id), 'the service still has the drawer')
    await story.registered.operator.client.call('DELETE', `/v1/connectors/${story.connectorId}`)
    const receipt = leafHash(leaf)
    for (const type of ['account.expired', 'account.torn_down'] as const)
      story.evidence.push({ step: 'cleared-away', kind: 'event', type, account: id })
    const what = destroyed.map(each => `${each.count} ${each.what}`).join(', ')
    return {
      said: `left alone, it ended: ${what} destroyed, receipt ${receipt.slice(0, 22)}…`,
      facts: { account_id: id, receipt, attachments },
    }
  },
}

/** The leaf of the log that says so; waits for it. */
async function awaitEvent(story: Story, type: string, account: string) {
  const { sql } = story.core.broker.deps.database
  const uuid = parseId('account', account)
  const endMs = performance.now() + patienceMs
  for (;;) {
    const entries = await readEntries(sql, story.logSize, (await readLogSize(sql)) - story.logSize)
    const found = entries.find(({ leaf }) => {
      const said = JSON.parse(leaf) as { type: string; account?: string }
      return said.type === type && said.account === uuid
    })
    if (found) return found
    if (performance.now() > endMs) throw new UnexpectedOutcome(`no ${type} came within ${patienceMs / 1000} s`)
    await delay(100)
  }
}
