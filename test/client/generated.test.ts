// The client's types are those of the broker. To write them anew: npm run client:generate

import { expect, test } from 'vitest'
import { errorCodes } from '#core/errors/codes.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { generateClient } from '../../packages/client/generate/generate.ts'

const broker = useBroker()

test('packages/client/src/api/generated.ts is what the broker’s OpenAPI document makes', async () => {
  const document = (await broker.https.send(`${broker.running.issuer}/openapi.json`)).body
  const text = await generateClient({ document, errorCodes: Object.values(errorCodes).map(({ wire }) => wire) })
  await expect(text).toMatchFileSnapshot('../../packages/client/src/api/generated.ts')
})
