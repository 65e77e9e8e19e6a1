// The programs that the pages show, run as they stand by a Node of their own, at a real broker and behind real guards.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'
import { writeDevFile } from '../apps/cli/dev-file.ts'
import { usePerson } from '../apps/cli/use-cli.ts'
import { type GuardedServer, startLibrary, startOrders } from './servers.ts'

const run = promisify(execFile)
const broker = useBroker()
const person = usePerson()
let orders: GuardedServer
let library: GuardedServer
beforeAll(async () => {
  orders = await startOrders(broker.running)
  library = await startLibrary(broker.running)
  writeDevFile(broker, person, { resource: orders.url })
})
afterAll(async () => {
  await Promise.all([orders?.close(), library?.close()])
})

const example = async (name: string, ...words: string[]): Promise<string[]> => {
  const program = resolve('packages/client/examples', `${name}.ts`)
  const { PATH } = process.env
  const options = { cwd: person.home, env: { ...(PATH && { PATH }) }, timeout: 30_000 }
  const { stdout } = await run(process.execPath, ['--conditions=mayfly-source', program, ...words], options)
  return stdout.trim().split('\n')
}

describe('an example', () => {
  test('opens a task, calls an API and completes its account', async () => {
    const before = orders.seen.length
    expect(await example('task')).toEqual(['{"id":"42"}'])
    expect(orders.seen.length - before).toBe(1)
    const [newest] = (await broker.running.v1('GET', '/v1/accounts?limit=1')).body.items
    expect(newest).toMatchObject({ state: 'completed', task_id: expect.stringMatching(/^invoice-/) })
  })

  test('gives LangChain tools whose calls have a token each, in one account', async () => {
    const before = orders.seen.length
    expect(await example('langchain')).toEqual(['{"id":"42"}', '[{"id":"42"},{"id":"43"}]'])
    const used = orders.seen.slice(before)
    // The second tool reads two orders with one token.
    expect([used.length, new Set(used).size]).toEqual([3, 2])
  })

  test('calls a tool of an MCP server with a token for that tool', async () => {
    const [line] = await example('mcp', library.url)
    const { text } = JSON.parse(line!).content[0]
    const details = JSON.parse(text.slice(text.indexOf(' ')))
    expect(details).toEqual([{ type: 'agent_tool', locations: [library.url], actions: ['find'] }])
  })
})

test.each([
  ['langchain', 'docs/how-to/langchain.md'],
  ['mcp', 'docs/how-to/mcp-client.md'],
  ['task', 'docs/how-to/client.md'],
])('the example %s stands in %s as it is', (name, page) => {
  const [, ...program] = readFileSync(`packages/client/examples/${name}.ts`, 'utf8').split('\n')
  expect(readFileSync(page, 'utf8')).toContain(program.join('\n').trim())
})
