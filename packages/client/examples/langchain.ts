// node --conditions=mayfly-source packages/client/examples/langchain.ts
import { httpTool, taskTool } from '@mayfly/client/langchain'
import { z } from 'zod'
import { client, orders } from './development.ts'

const taskId = `invoice-${Date.now()}`

// One operation: the path is the permission. A token for /orders/42 reads order 42 and nothing else.
const readOrder = httpTool(client, {
  name: 'read_order',
  description: 'Reads one order.',
  resource: orders,
  uriTemplate: '/orders/{id}',
  taskId,
})

// Anything else: the input says what this call may, before your function runs.
const compareOrders = taskTool(
  client,
  async ({ ids }, { fetch }) => {
    const found = await Promise.all(ids.map(async id => (await fetch(`${orders}/orders/${id}`)).json()))
    return JSON.stringify(found)
  },
  {
    name: 'compare_orders',
    description: 'Reads several orders.',
    schema: z.object({ ids: z.array(z.string().regex(/^\d+$/)).max(5) }),
    permissions: ({ ids }) => ({
      resource: orders,
      taskId,
      authorizationDetails: ids.map(id => ({
        type: 'agent_http',
        locations: [orders],
        methods: ['GET'],
        uri_template: `/orders/${id}`,
      })),
    }),
  },
)

// An agent gets them as all tools: createAgent({ model, tools: [readOrder, compareOrders] }). Here they are called by hand.
console.log(await readOrder.invoke({ id: '42' }))
console.log(await compareOrders.invoke({ ids: ['42', '43'] }))
await client.close()
