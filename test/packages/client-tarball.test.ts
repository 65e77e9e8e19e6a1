// @mayfly/client as strangers get it: from its archive, with its own dependencies only, on the Nodes that it says it runs on.

import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasOtherNodes, type Installed, installPackage, otherNode } from '#test/setup/installed-package.ts'
import { type Authority, json, newAuthority, type Received, type Served, serve } from '../../packages/test/tls.ts'

const run = promisify(execFile)
let installed: Installed
let authority: Authority
let broker: Served
let api: Served
beforeAll(async () => {
  installed = await installPackage('packages/client')
  await copyFile(join(import.meta.dirname, 'client-consumer.mjs'), join(installed.folder, 'client-consumer.mjs'))
  authority = await newAuthority()
  const asks = { requestCert: true, rejectUnauthorized: false, ca: authority.pem }
  broker = await serve(authority, (received, response) => answer(received, response), asks)
  api = await serve(authority, ({ headers }, response) =>
    json(response, 200, { as: headers.authorization, proved: headers['dpop'] !== undefined }),
  )
}, 180_000)
afterAll(async () => {
  await Promise.all([broker?.close(), api?.close(), installed?.remove()])
})

function answer({ path, headers }: Received, response: ServerResponse): void {
  const token_type = headers['dpop'] ? 'DPoP' : 'Bearer'
  const found: Readonly<Record<string, object>> = {
    '/token': { access_token: 'token-1', token_type, expires_in: 300, account_id: 'acct_1' },
    '/v1/accounts': { items: [{ id: 'acct_1' }] },
    '/.well-known/oauth-authorization-server': { issuer: broker.origin, token_endpoint: `${broker.origin}/token` },
  }
  const body = found[path]
  json(response, body ? 200 : 404, body ?? { type: 'urn:mayfly:error:not_found', title: 'There is none.' })
}

test('brings one package along', () => {
  expect(installed.packages.filter(name => name !== '@mayfly/client')).toEqual(['undici'])
})

describe.runIf(hasOtherNodes).each([20, 24])('on Node %i', major => {
  test('gets tokens, calls a resource with a proof of its key, and calls the API', { timeout: 180_000 }, async () => {
    const { cert, key } = await authority.issue('agent')
    const options = { issuer: broker.origin, api: api.origin, ca: authority.pem, certificate: { cert, key } }
    const { stdout } = await run(await otherNode(major), ['client-consumer.mjs'], {
      cwd: installed.folder,
      env: { CLIENT_OPTIONS: JSON.stringify(options) },
      timeout: 60_000,
    })
    expect(JSON.parse(stdout)).toEqual({
      version: expect.stringMatching(`^v${major}\\.`),
      accountId: 'acct_1',
      answer: { as: 'DPoP token-1', proved: true },
      accounts: [{ id: 'acct_1' }],
      refused: [true, 'not_found'],
      mcp: 'function',
      langchain: 'ERR_MODULE_NOT_FOUND',
    })
  })
})
