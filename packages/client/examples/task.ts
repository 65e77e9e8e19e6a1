// node --conditions=mayfly-source packages/client/examples/task.ts
import { client, orders } from './development.ts'

const permissions = { resource: orders, scope: 'orders:read', taskId: `invoice-${Date.now()}` }

const token = client.taskToken(permissions)
const { accountId } = await token.get()
const account = client.account(accountId!)
try {
  const response = await client.fetch(`${orders}/orders/42`, { signal: AbortSignal.timeout(10_000) }, token)
  console.log(await response.text())
  await account.complete()
} catch (error) {
  await account.revoke()
  throw error
} finally {
  await client.close()
}
