// People who sign in through a trusted proxy have an address each, as workloads have.

import { expect, test } from 'vitest'
import { readTrustedProxies } from '#apps/broker/tls/trusted-proxies.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const proxy = JSON.stringify([{ address: '127.0.0.1', format: 'rfc9440' }])
const broker = useBroker({ config: { trustedProxies: readTrustedProxies(proxy, []) } })

const signIn = (address: string) =>
  broker.https.send(`${broker.running.issuer}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ provider: `idp_${'0'.repeat(32)}`, id_token: 'x' }),
  })

test('a stranger who fails too often to sign in is turned away, and the others behind the same proxy are not', async () => {
  const statuses = new Set<number>()
  for (let i = 0; i < 1_000 && !statuses.has(429); i += 20)
    for (const { status } of await Promise.all(Array.from({ length: 20 }, () => signIn('198.51.100.1')))) statuses.add(status)
  expect([...statuses].sort()).toEqual([401, 429])
  expect((await signIn('198.51.100.2')).status).toBe(401)
})
