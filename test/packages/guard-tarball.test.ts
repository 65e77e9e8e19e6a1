// @mayfly/guard as strangers get it: from its archive, with its own dependencies only, on the Nodes that it says it runs on.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { hasOtherNodes, type Installed, installPackage, otherNode } from '#test/setup/installed-package.ts'
import { claimsWith, jwks, requestWith, resource, signToken, thumbprint } from '../../packages/guard/test/issuer.ts'
import { FakeFeed } from '../../packages/test/fake-feed.ts'
import { type Authority, newAuthority } from '../../packages/test/tls.ts'

const credential = 'mfr_secret-of-this-resource'
let installed: Installed
let authority: Authority
beforeAll(async () => {
  installed = await installPackage('packages/guard')
  await copyFile(join(import.meta.dirname, 'guard-consumer.mjs'), join(installed.folder, 'guard-consumer.mjs'))
  authority = await newAuthority()
}, 180_000)
afterAll(() => installed?.remove())

test('brings at most three packages along', () => {
  const others = installed.packages.filter(name => name !== '@mayfly/guard')
  expect(others.length).toBeLessThanOrEqual(3)
  expect(others).not.toEqual([])
})

describe.runIf(hasOtherNodes).each([20, 24])('on Node %i', major => {
  test('follows the feed, lets a good token in and refuses it once it is revoked', { timeout: 180_000 }, async () => {
    const feed = await FakeFeed.start(authority)
    const options = { issuer: feed.origin, resource, credential, jwks, ca: authority.pem }
    const consumer = spawn(await otherNode(major), ['guard-consumer.mjs'], {
      cwd: installed.folder,
      env: { GUARD_OPTIONS: JSON.stringify(options) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    try {
      const [hello] = await once(consumer, 'message')
      expect(hello).toMatchObject({ version: expect.stringMatching(`^v${major}\\.`), functions: Array(3).fill('function') })
      expect(hello.adapters.map(([name]: [string]) => name)).toEqual(['express', 'fastify', 'hono', 'mcp', 'node', 'web'])

      const seconds = Math.floor(Date.now() / 1000)
      const claims = claimsWith({ iss: feed.origin, iat: seconds, exp: seconds + 300 })
      const request = requestWith(signToken(claims), { certificate: thumbprint })
      expect(await ask(consumer, request)).toMatchObject({ verdict: { ok: true }, stats: { feed: { fresh: true, epoch: 0 } } })
      const epoch = feed.revoke('j', claims['jti'] as string)
      const refused = await vi.waitFor(async () => {
        const answer = await ask(consumer, request)
        expect(answer.stats.feed?.epoch).toBe(epoch)
        return answer
      })
      expect(refused.verdict).toMatchObject({ ok: false, status: 401, reason: 'token_revoked' })
      await vi.waitFor(() => expect(feed.acknowledged.at(-1)?.epoch).toBe(epoch))
    } finally {
      consumer.kill()
      await feed.close()
    }
  })
})

async function ask(consumer: ChildProcess, request: object) {
  const answered = once(consumer, 'message')
  consumer.send({ request })
  const [answer] = await answered
  return answer as { verdict: object; stats: { feed?: { epoch?: number } } }
}
