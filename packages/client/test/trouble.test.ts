// What the client does when the broker refuses, is busy, is silent, or talks nonsense.

import { describe, expect, test } from 'vitest'
import { failureOf, type Given, permissions, useWorld } from './world.ts'

const world = useWorld()

describe('trouble', () => {
  test('repeats 503 and 429 under one idempotency key, after the time that the broker names', async () => {
    const answers: Given[] = [
      { status: 503, headers: { 'retry-after': '0' }, body: {} },
      { status: 429, body: {} },
    ]
    world.answerToken = () => answers.shift() ?? world.granted()
    expect((await world.client().taskToken(permissions).get()).accessToken).toBe('token-1')
    const keys = world.exchanges().map(one => one.headers['idempotency-key'])
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
  })
  test('hands a long Retry-After to the caller at once', async () => {
    world.answerToken = () => ({
      status: 429,
      headers: { 'retry-after': '60' },
      body: { error: 'temporarily_unavailable', error_description: 'Too many.' },
    })
    const error = await failureOf(world.client().taskToken(permissions).get())
    expect(error).toMatchObject({
      error: 'temporarily_unavailable',
      description: 'Too many.',
      status: 429,
      retryAfterSeconds: 60,
    })
    expect(world.exchanges()).toHaveLength(1)
  })
  test('does not repeat a refusal', async () => {
    world.answerToken = form => ({
      status: 400,
      body: { error: 'invalid_target', error_description: `no: ${form.get('subject_token')}` },
    })
    const secret = `eyJ${'x'.repeat(40)}.eyJ${'y'.repeat(40)}.${'z'.repeat(40)}`
    const error = await failureOf(world.client({ subjectToken: secret }).taskToken(permissions).get())
    expect(error).toMatchObject({ error: 'invalid_target', status: 400 })
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('zzzz')
    expect(world.exchanges()).toHaveLength(1)
  })
  test.each([
    ['no token', { access_token: undefined }],
    ['no type', { token_type: undefined }],
    ['no end', { expires_in: undefined }],
    ['an end in the past', { expires_in: -1 }],
  ])('refuses an answer with %s', async (_, change) => {
    world.answerToken = () => world.granted(change)
    expect((await failureOf(world.client().taskToken(permissions).get())).error).toBe('invalid_response')
  })
  test('gives up after its deadline', async () => {
    world.answerToken = () => undefined
    const error = await failureOf(
      world
        .client({ timeoutMs: 100, retry: { attempts: 1 } })
        .taskToken(permissions)
        .get(),
    )
    expect(error).toMatchObject({ error: 'connection_failed', description: 'no answer within 100 ms' })
  })
  test('an abort ends the caller’s wait and nobody else’s', async () => {
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const token = world.client({ subjectToken: () => held.then(() => 'workload-token') }).taskToken(permissions)
    const controller = new AbortController()
    const aborted = token.get({ signal: controller.signal })
    const patient = token.get()
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    release()
    expect((await patient).accessToken).toBe('token-1')
  })
})
