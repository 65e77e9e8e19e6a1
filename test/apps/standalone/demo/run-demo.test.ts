import { expect, test } from 'vitest'
import { expectReply, UnexpectedOutcome } from '#apps/standalone/demo/expect.ts'
import { jsonNarrator } from '#apps/standalone/demo/narrator.ts'
import { tellChapters } from '#apps/standalone/demo/run-demo.ts'
import { type Step, Story, type StorySetting } from '#apps/standalone/demo/story.ts'

test('ends at the first step that fails, and ends what was started', async () => {
  const story = new Story({} as StorySetting)
  let ended = false
  const begin: Step = {
    name: 'begin',
    why: '',
    async run(story) {
      const closing = new AsyncDisposableStack()
      closing.defer(() => {
        ended = true
      })
      story.core = { closing } as Story['core']
      return { said: 'begun' }
    },
  }
  const wrong: Step = {
    name: 'wrong',
    why: '',
    run: async () => {
      expectReply({ status: 200, error: undefined, body: {} }, 401, 'invalid_token')
      return { said: 'never' }
    },
  }
  let out = ''
  const narrator = jsonNarrator(text => {
    out += text
  })
  expect(await tellChapters(story, [{ title: '', steps: [begin, wrong, begin] }], narrator)).toBe(false)
  const lines = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.map(({ step, ok }) => [step, ok])).toEqual([
    ['begin', true],
    ['wrong', false],
  ])
  expect(lines[1].problem).toBe('expected 401 invalid_token, got 200')
  expect(ended).toBe(true)
})

test.each([
  [401, 'invalid_client'],
  [400, 'invalid_token'],
  [401, undefined],
])('takes %d %s for no 401 invalid_token', (status, error) => {
  const reply = { status, error, body: {} }
  expect(() => expectReply(reply, 401, 'invalid_token')).toThrow(UnexpectedOutcome)
})
