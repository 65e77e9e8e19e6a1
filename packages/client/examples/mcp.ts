// node --conditions=mayfly-source packages/client/examples/mcp.ts https://tools.example/mcp
import { mcpTransport } from '@mayfly/client/mcp'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { client } from './development.ts'

const [server = 'https://tools.example/mcp'] = process.argv.slice(2)

const access = { resource: server, tools: ['find'], taskId: `research-${Date.now()}` }
const transport = new StreamableHTTPClientTransport(new URL(server), mcpTransport(client, access))

const mcp = new Client({ name: 'researcher', version: '1.0.0' })
await mcp.connect(transport)
console.log(JSON.stringify(await mcp.callTool({ name: 'find', arguments: { shelf: 'A' } })))
await mcp.close()
await client.close()
