import { expect, test } from 'vitest'
import { commands } from '#apps/cli/commands.ts'
import { referencePage } from '#apps/cli/reference-page.ts'

// To write it anew: npm test -- test/apps/cli/reference -u
test('docs/reference/cli.md is what the commands say of themselves', async () => {
  await expect(referencePage(commands)).toMatchFileSnapshot('../../../docs/reference/cli.md')
})
