// Tools for LangChain.js, against a broker and a resource on real sockets.

import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { httpTool, taskTool } from '../../src/integrations/langchain.ts'
import { fillTemplate } from '../../src/integrations/uri-template.ts'
import { useWorld } from '../world.ts'

const world = useWorld()
const api = () => `${world.api.origin}/v1`
const asked = () => world.exchanges().map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
const detail = (path: string, method = 'GET') => [
  { type: 'agent_http', locations: [api()], methods: [method], uri_template: path },
]

describe('a tool for one operation', () => {
  const readOrder = () =>
    httpTool(world.client(), {
      name: 'read_order',
      description: 'Reads one order.',
      resource: api(),
      uriTemplate: '/orders/{id}',
      taskId: 'task-1',
    })

  test('calls it with a token for exactly this path, another one for each call', async () => {
    const tool = readOrder()
    expect(await tool.invoke({ id: '42' })).toBe('{"ok":true}')
    await tool.invoke({ id: '43' })
    expect(asked().map(form => JSON.parse(form['authorization_details']!))).toEqual([detail('/orders/42'), detail('/orders/43')])
    expect(asked().map(form => form['task_id'])).toEqual(['task-1', 'task-1'])
    expect(world.api.received.map(({ path, headers }) => `${path} ${headers.authorization}`)).toEqual([
      '/v1/orders/42 Bearer token-1',
      '/v1/orders/43 Bearer token-2',
    ])
  })

  test.each(['..', '', '42/../../admin', '4\\2'])('sends nothing where the model writes %j', async id => {
    await expect(readOrder().invoke({ id })).rejects.toThrow('one segment')
    expect([...world.exchanges(), ...world.api.received]).toHaveLength(0)
  })

  test('keeps what the model writes within its place', () => {
    expect(fillTemplate('/orders/{id}', { id: '42?admin=1#x' })).toBe('/orders/42%3Fadmin%3D1%23x')
    expect(fillTemplate('/orders/{id}', { id: '*' })).toBe('/orders/%2A')
  })

  test('sends a body where the operation takes one, and throws what the resource refuses', async () => {
    const create = httpTool(world.client(), {
      name: 'create_order',
      description: 'Creates an order.',
      resource: api(),
      uriTemplate: '/orders',
      method: 'POST',
    })
    await create.invoke({ body: { item: 'lamp' } })
    expect(world.api.received[0]).toMatchObject({ method: 'POST', body: '{"item":"lamp"}' })
    world.answerApi = () => ({ status: 403, body: { error: 'insufficient_scope' } })
    await expect(create.invoke({ body: {} })).rejects.toMatchObject({ error: 'refused_by_resource', status: 403 })
  })
})

describe('a tool of one’s own', () => {
  const summarise = (more: object = {}) => {
    const client = world.client()
    return taskTool(
      client,
      async ({ ids }, { fetch }) => {
        const found = await Promise.all(ids.map(async id => (await fetch(`${api()}/orders/${id}`)).status))
        return found.join(' ')
      },
      {
        name: 'summarise',
        description: 'Summarises orders.',
        schema: z.object({ ids: z.array(z.string()) }),
        permissions: ({ ids }) => ({
          resource: api(),
          taskId: 'task-1',
          authorizationDetails: ids.map(id => detail(`/orders/${id}`)[0]!),
        }),
        ...more,
      },
    )
  }

  test('has one token for all requests of one call, for what its input names', async () => {
    expect(await summarise().invoke({ ids: ['1', '2', '3'] })).toBe('200 200 200')
    expect(world.exchanges()).toHaveLength(1)
    expect(JSON.parse(asked()[0]!['authorization_details']!)).toHaveLength(3)
  })

  test('asks for nothing where the input does not fit', async () => {
    await expect(summarise().invoke({ ids: 'all' } as never)).rejects.toThrow()
    expect(world.exchanges()).toHaveLength(0)
  })

  test('gives its token up afterwards where that is wanted, also when it fails', async () => {
    const revoked: string[] = []
    world.answerRevoke = ({ body }) => {
      revoked.push(body)
      return { status: 200 }
    }
    await summarise({ revokeAfterwards: true }).invoke({ ids: ['1'] })
    const failing = taskTool(
      world.client(),
      async (_, { token }) => {
        await token()
        throw new Error('broken')
      },
      { name: 'broken', description: '…', schema: z.object({}), permissions: { resource: api() }, revokeAfterwards: true },
    )
    await expect(failing.invoke({})).rejects.toThrow('broken')
    expect(revoked).toEqual(['token=token-1', 'token=token-2'])
  })

  test('ends with the run that it is part of', async () => {
    world.answerApi = () => undefined
    const stop = new AbortController()
    const running = summarise().invoke({ ids: ['1'] }, { signal: stop.signal })
    while (world.api.received.length === 0) await new Promise(setImmediate)
    stop.abort()
    await expect(running).rejects.toThrow(/abort/i)
  })
})
