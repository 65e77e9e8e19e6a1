import { expect, test } from 'vitest'
import { readLimits } from '#apps/broker/limits-setting.ts'
import { standardLimits } from '#core/quota/limits.ts'

const read = (text: string | undefined) => {
  const problems: string[] = []
  return { limits: readLimits({ MAYFLY_LIMITS: text }, problems), problems }
}

test('nothing said: the published limits', () => {
  expect(read(undefined)).toEqual({ limits: standardLimits, problems: [] })
})

test('what is said stands in the place of what is published', () => {
  const { limits, problems } = read('{"tenant_live_accounts": 50, "account_tokens": null, "agent_tokens_per_minute": null}')
  expect(problems).toEqual([])
  expect(limits).toEqual({ ...standardLimits, tenant_live_accounts: 50, agent_tokens_per_minute: null })
})

test.each(['[]', '5', 'null', '{', '{"tokens": 1}', '{"account_tokens": "5"}', '{"account_tokens": -1}'])(
  '%s is a problem that is told',
  text => {
    expect(read(text).problems.length).toBe(1)
  },
)
