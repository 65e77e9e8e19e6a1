import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-console-'))
mkdirSync(join(folder, 'assets'))
const script = `console.log(${JSON.stringify('x'.repeat(2_000))})`
writeFileSync(join(folder, 'index.html'), '<!doctype html><title>built</title>')
writeFileSync(join(folder, 'assets', 'index-Ab12.js'), script)
writeFileSync(join(folder, 'assets', 'notes.md'), 'not for anybody')
writeFileSync(join(folder, 'secret.txt'), 'outside of assets')
afterAll(() => rmSync(folder, { recursive: true }))

const broker = useBroker({ config: { consoleFolder: folder } })
const get = (path: string, headers = {}) => broker.https.send(`${broker.running.issuer}${path}`, { headers })

describe('the built console', () => {
  test.each(['/claim', '/console', '/console/accounts', '/console/accounts/acct_1', '/t/any/claim', '/t/any/console'])(
    'is one page at %s, never kept',
    async path => {
      const { status, headers, text } = await get(path)
      expect([status, text]).toEqual([200, '<!doctype html><title>built</title>'])
      expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    },
  )

  test('has files whose names change with them, kept for ever, small on the wire', async () => {
    const plain = await get('/console/assets/index-Ab12.js')
    expect([plain.status, plain.text]).toEqual([200, script])
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    })
    const small = await broker.https.dispatcher().request({
      origin: broker.running.issuer,
      path: '/console/assets/index-Ab12.js',
      method: 'GET',
      headers: { 'accept-encoding': 'br, gzip' },
    })
    expect(small.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(Buffer.from(await small.body.arrayBuffer())).toString()).toBe(script)
  })

  test.each([
    '/console/assets/notes.md',
    '/console/assets/none.js',
    '/console/assets/../secret.txt',
    '/console/secret.txt',
    '/secret.txt',
  ])('has nothing at %s', async path => {
    expect((await get(path)).status).toBe(404)
  })

  test('is read and looked at only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await broker.https.send(`${broker.running.issuer}/claim`, { method })).status, method).toBe(405)
  })
})
