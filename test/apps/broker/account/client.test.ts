// The client package at a real broker: a parent delegates, a sub-agent opens and renews, the parent ends it.

import { decodeJwt } from 'jose'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { resourceUri } from '#test/setup/registration.ts'
import { derOf, registerWorkload, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { createMayflyClient, type MayflyClient } from '../../../../packages/client/src/index.ts'

const broker = useBroker()
let agents: { root: Workload; sub: Workload }
const open: MayflyClient[] = []
beforeAll(async () => {
  agents = { root: await registerWorkload(broker.running, 'root'), sub: await registerWorkload(broker.running, 'sub') }
})
afterEach(() => Promise.all(open.splice(0).map(client => client.close())))

function clientOf(who: Workload): MayflyClient {
  const client = createMayflyClient({
    issuer: broker.running.issuer,
    ca: broker.running.ca.certificatePem,
    certificate: { cert: who.certificate.chainPem, key: who.certificate.keyPem },
    subjectToken: derOf(who),
    subjectTokenType: 'urn:ietf:params:oauth:token-type:mtls',
  })
  open.push(client)
  return client
}

test('a sub-agent works in a child account, which ends with its parent', async () => {
  const [parent, child] = [clientOf(agents.root), clientOf(agents.sub)]
  const { accountId } = await parent.taskToken({ resource: resourceUri, scope: 'orders:read', taskId: 'whole' }).get()
  const { token } = await parent.delegate(agents.sub.clientId, { accountId: accountId!, scope: 'orders:read', accountTtl: 600 })
  const tokens = child.openChild(token, { resource: resourceUri, scope: 'orders:read' })
  const first = await tokens.get()
  expect(decodeJwt(first.accessToken)).toMatchObject({
    sub: accountId,
    act: { sub: agents.sub.clientId, act: { sub: agents.root.clientId } },
  })
  tokens.drop()
  const second = await tokens.get()
  expect(second.accountId).toBe(first.accountId)
  expect(second.accessToken).not.toBe(first.accessToken)
  expect(await child.account(first.accountId!).get()).toMatchObject({ parent: accountId, depth: 1 })

  await parent.account(accountId!).complete()
  tokens.drop()
  await expect(tokens.get()).rejects.toMatchObject({ error: 'access_denied' })
})
