// What a stranger would write, run by their Node on the installed package: a guard that follows the feed, and that its parent
// asks to verify tokens. Says what it is, then answers each message { request } with { verdict, stats }.

import { createGuard, refusalResponse } from '@mayfly/guard'
import { mayfly as onNode } from '@mayfly/guard/node'
import { mayfly as onWeb } from '@mayfly/guard/web'

const adapters = await Promise.all(
  ['express', 'fastify', 'hono', 'mcp', 'node', 'web'].map(async name => [
    name,
    Object.keys(await import(`@mayfly/guard/${name}`)).length,
  ]),
)

const { issuer, resource, ca, credential, jwks } = JSON.parse(process.env.GUARD_OPTIONS)
const guard = createGuard({ issuer, resource, credential, jwks, tls: { ca }, report: false })
await guard.ready()

process.on('message', async ({ request }) => {
  const verdict = await guard.verify(request)
  process.send({ verdict, stats: guard.stats() })
})
process.send({ version: process.version, adapters, functions: [refusalResponse, onNode, onWeb].map(one => typeof one) })
