import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDetails } from '#core/permission/normalise.ts'
import { permissionTypes } from '#core/permission/types.ts'

const page = readFileSync(new URL('../../../docs/reference/permission-types.md', import.meta.url), 'utf8')

test.each(permissionTypes)('$type is documented with all its fields and an example that is accepted', row => {
  const section = page.split('\n## ').find(part => part.startsWith(`\`${row.type}\``))
  expect(section).toBeDefined()
  for (const field of Object.keys(row.schema.properties)) if (field !== 'type') expect(section).toContain(`\`${field}\``)
  const example = /```json\n(.*)\n```/.exec(section!)![1]!
  expect(parseDetails(`[${example}]`)).toMatchObject({ ok: true, details: [JSON.parse(example)] })
})
