import { expect, test } from 'vitest'
import { documentOf, readFileSchema } from '#apps/cli/apply/file-schema.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()

// To write it anew: npm test -- test/apps/cli/apply/file-schema -u
test('docs/reference/mayfly.schema.json is what this broker takes', async () => {
  const { body } = await broker.https.send(`${broker.running.issuer}/openapi.json`)
  const text = `${JSON.stringify(documentOf(readFileSchema(body)!), null, 2)}\n`
  await expect(text).toMatchFileSnapshot('../../../../docs/reference/mayfly.schema.json')
})
