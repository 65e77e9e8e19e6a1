// What a stranger would write, run by their Node on the installed package: a token with a certificate, a call with DPoP, the API.

import { ApiError, createMayflyApi, createMayflyClient } from '@mayfly/client'
import { mcpTransport } from '@mayfly/client/mcp'

const { issuer, api: url, ca, certificate } = JSON.parse(process.env.CLIENT_OPTIONS)
const permissions = { resource: `${url}/v1`, scope: 'orders:read', taskId: 'task-1' }
const common = { issuer, ca, subjectToken: 'workload-token', timeoutMs: 5000 }

const byCertificate = createMayflyClient({ ...common, certificate })
const { accountId } = await byCertificate.taskToken(permissions).get()

const byDpop = createMayflyClient({ ...common, dpop: true })
const response = await byDpop.fetch(`${url}/v1/orders/42`, { method: 'POST', body: 'x' }, permissions)

const api = createMayflyApi({ url: issuer, ca, token: 'mfo_token' })
const accounts = await api.accounts.list().all()
const refused = await api.agents.get('agt_1').catch(error => error)

const withoutPeer = await import('@mayfly/client/langchain').catch(error => error)
await Promise.all([byCertificate.close(), byDpop.close(), api.close()])
const result = {
  version: process.version,
  accountId,
  answer: await response.json(),
  accounts,
  refused: [refused instanceof ApiError, refused.error],
  mcp: typeof mcpTransport,
  langchain: withoutPeer.code,
}
console.log(JSON.stringify(result))
