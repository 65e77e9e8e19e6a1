// The README of packages/guard, run as it stands: its Express API and its MCP server as processes of their own, before a real
// broker with its revocation feed, called by an agent with a real certificate. Only addresses and ports are put in.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { fetch as undiciFetch } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { issueServerCertificate } from '#apps/standalone/dev-ca.ts'
import { freePort } from '#test/setup/free-port.ts'
import { resourceUri, untilServed } from '#test/setup/registration.ts'
import { exchangesOf, registerWorkload, tokenOf, type Workload } from '#test/setup/sub-agents.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'packages/guard/README.md'), 'utf8')

/** The first block of code below a heading. */
function blockOf(heading: string): string {
  const text = readme.slice(readme.indexOf(`## ${heading}\n`))
  return /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
}

/** Lines that are there for the guard's sake. */
const guardLines = (code: string): string[] => {
  const lines = code.split('\n')
  const from = lines.findIndex(line => /mayfly\(/.test(line))
  const to = lines.findIndex((line, at) => at > from && /^\s*}\),?$/.test(line))
  return [
    ...lines.filter(line => /@mayfly|callerOf\(|guard,|guard\.metadata|req\.mayfly/.test(line)),
    ...lines.slice(from, to + 1),
  ]
}

const broker = useBroker()
const folder = mkdtempSync(join(tmpdir(), 'mayfly-readme-'))
const running: ChildProcess[] = []

beforeAll(async () => {
  const { ca } = broker.running
  const server = await issueServerCertificate(ca, { hosts: ['localhost'], now: new Date() })
  const files = { 'server.pem': server.chainPem, 'server-key.pem': server.keyPem, 'agents-ca.pem': ca.certificatePem }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a block with the addresses of this test. */
async function run(name: string, code: string, listen: (port: number) => string): Promise<string> {
  const port = await freePort()
  const { issuer, resourceSecrets } = broker.running
  const own = code
    .replaceAll('https://broker.example', issuer)
    .replaceAll('https://orders.example/v1', resourceUri)
    .replaceAll('https://tools.example/mcp', resourceUri)
    .replaceAll("'/v1/", "'/api/")
  writeFileSync(
    join(folder, `${name}.mjs`),
    listen(port) === '' ? own.replace('listen(8443)', `listen(${port})`) : own + listen(port),
  )
  const env = {
    PATH: process.env['PATH'],
    MAYFLY_CREDENTIAL: resourceSecrets.pop,
    NODE_EXTRA_CA_CERTS: join(folder, 'agents-ca.pem'),
  }
  const child = spawn(process.execPath, ['--conditions=mayfly-source', `${name}.mjs`], { cwd: folder, env, stdio: 'pipe' })
  running.push(child)
  let said = ''
  child.stderr?.on('data', chunk => (said += chunk))
  const url = `https://localhost:${port}`
  await expect
    .poll(
      () =>
        broker.https.send(url, { method: 'GET' }).then(
          () => 'up',
          () => child.exitCode ?? said,
        ),
      { timeout: 20_000 },
    )
    .toBe('up')
  return url
}

const orders = { type: 'agent_http', locations: [resourceUri], methods: ['GET'], uri_template: '/orders/42' }
const find = { type: 'agent_tool', locations: [resourceUri], actions: ['find'], arguments: { shelf: 'A' } }

let agent: Workload
beforeAll(async () => {
  agent = await registerWorkload(broker.running, 'reader', { ceiling: { authorization_details: [orders, find] } })
})

/** A token for one of the two, in an account of its own. */
async function tokenFor(
  detail: object,
  task: string,
): Promise<{ readonly headers: Record<string, string>; readonly account: string }> {
  const form = { authorization_details: JSON.stringify([detail]), scope: undefined, task_id: task }
  const answer = await untilServed(() => exchangesOf(broker.running).own(agent, form))
  return { headers: { authorization: `Bearer ${tokenOf(answer)}` }, account: answer.body.account_id }
}

/** Revokes, and waits until the process has heard of it. */
async function revoke(account: string, call: () => Promise<{ readonly status: number }>): Promise<void> {
  const answer = await untilServed(() => broker.running.v1('POST', '/v1/revocations', { account_id: account, reason: 'a test' }))
  expect(answer.status).toBe(201)
  await expect.poll(async () => (await call()).status, { interval: 20, timeout: 20_000 }).toBe(401)
}

describe('an Express API', () => {
  const code = blockOf('An Express API')

  test('takes its author less than ten lines', () => expect(guardLines(code).length).toBeLessThan(10))

  test('lets in what was granted, tells for which task, refuses the rest, and hears of revocations', async () => {
    const url = await run('express', code, () => '')
    const { headers, account } = await tokenFor(orders, 'invoice')
    const get = (path: string, certificate = true) =>
      broker.https.send(`${url}${path}`, { headers, ...(certificate && { certificate: agent.certificate }) })
    expect(await get('/api/orders/42')).toMatchObject({ status: 200, body: { id: '42', for: 'invoice' } })
    expect((await get('/api/orders/43')).status).toBe(403)
    expect((await get('/api/orders/42', false)).status).toBe(401)
    expect((await broker.https.send(`${url}/health`)).status).toBe(200)
    await revoke(account, () => get('/api/orders/42'))
  })
})

describe('an MCP server', () => {
  const code = blockOf('An MCP server')
  const listen = (port: number): string => `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
const tls = { cert: readFileSync('server.pem'), key: readFileSync('server-key.pem'), ca: readFileSync('agents-ca.pem') }
createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, app).listen(${port})
`

  test('takes its author less than ten lines', () => expect(guardLines(code).length).toBeLessThan(10))

  test('lets the SDK’s client call the tool that was granted with the argument that was, and hears of revocations', async () => {
    const url = await run('mcp', code, listen)
    const { headers, account } = await tokenFor(find, 'errand')
    const dispatcher = broker.https.dispatcher(agent.certificate)
    const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      requestInit: { headers },
      fetch: (address, init) => undiciFetch(address, { ...init, dispatcher } as never) as never,
    })
    const client = new Client({ name: 'agent', version: '1.0.0' })
    await client.connect(transport as Transport)
    const call = (shelf: string) => client.callTool({ name: 'find', arguments: { shelf } })
    expect((await call('A')).content).toEqual([{ type: 'text', text: 'shelf A, for errand' }])
    await expect(call('B')).rejects.toThrow('insufficient_scope')
    const ask = { method: 'POST', headers, certificate: agent.certificate }
    await revoke(account, () => broker.https.send(`${url}/mcp`, ask))
    await expect(call('A')).rejects.toThrow()
    await client.close()
  })
})

test.each(['protect-an-api.md', 'protect-mcp.md'])('the registration in docs/how-to/%s is taken as it stands', async file => {
  const page = readFileSync(join(root, 'docs/how-to', file), 'utf8')
  const registration = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
  const answer = await untilServed(() => broker.running.v1('POST', '/v1/resources', registration))
  expect(answer.status, answer.text).toBe(201)
  const credential = await untilServed(() =>
    broker.running.v1('POST', `/v1/resources/${answer.body.id}/credentials`, { name: 'live' }),
  )
  expect(credential.status, credential.text).toBe(201)
})
