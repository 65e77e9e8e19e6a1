import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()

test('the file of docs/how-to/apply.md can be applied, and needs nothing the second time', async () => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(readFileSync('docs/how-to/apply.md', 'utf8'))!
  const provider =
    "sign_in_providers: [{name: a, issuer: 'https://a.example', client_id: a, groups_claim: a, rules: [{group: a, role: auditor}]}]"
  const file = person.file('mayfly.yaml', `${example}${provider}`)
  const apply = (...flags: string[]) => person.mayfly(['apply', '-f', file, ...flags], { env: environmentOf(broker, person) })
  expect(await apply('--yes')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('agent nightly-report: created') })
  expect((await apply('--dry-run')).out).toContain('Nothing to do: 6 as the file says.')
})
