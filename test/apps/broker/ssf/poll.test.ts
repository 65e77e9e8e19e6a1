import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { sessionRevoked, verification } from '#core/ssf/event-types.ts'
import { claimsOfSet, useReceivers } from './use-receivers.ts'

const use = useReceivers()
const subjectsOf = (sets: Readonly<Record<string, string>>): string[] =>
  Object.values(sets).map(set => claimsOfSet(set).sub_id.jti)
/** Takes all that is there; a new stream begins with what is in force. */
async function caughtUp(body: object = {}): Promise<string> {
  const stream = await use.newStream(body)
  for (;;) {
    const { sets } = await use.poll(stream)
    if (Object.keys(sets).length === 0) return stream
    await use.poll(stream, { maxEvents: 0, ack: Object.keys(sets) })
  }
}

describe('a poll', () => {
  test('gets what was revoked in order, as SETs that anyone can verify by our metadata', async () => {
    const stream = await caughtUp()
    const ids = [await use.revokeToken(), await use.revokeToken(), await use.revokeToken()]
    const { sets, moreAvailable } = await use.poll(stream)
    expect(subjectsOf(sets)).toEqual(ids)
    expect(moreAvailable).toBeUndefined()
    const { issuer } = use.broker.running
    const keys = (await use.broker.https.send(`${issuer}/jwks`)).body
    const jwks = createRemoteJWKSet(new URL(`${issuer}/jwks`), { [customFetch]: async () => new Response(JSON.stringify(keys)) })
    for (const [jti, set] of Object.entries(sets)) {
      const options = { issuer, audience: 'https://siem.example', typ: 'secevent+jwt', algorithms: ['RS256'] }
      const { payload } = await jwtVerify(set, jwks, options)
      expect(payload).toMatchObject({ jti, events: { [sessionRevoked]: { version: expect.any(Number) } } })
    }
  })

  test('gets again what was not acknowledged, and the rest when some of it was', async () => {
    const stream = await caughtUp()
    const ids = [await use.revokeToken(), await use.revokeToken(), await use.revokeToken()]
    const first = await use.poll(stream, { maxEvents: 2 })
    expect([subjectsOf(first.sets), first.moreAvailable]).toEqual([ids.slice(0, 2), true])
    expect((await use.poll(stream, { maxEvents: 2 })).sets).toEqual(first.sets)
    const [, second] = Object.keys(first.sets)
    const rest = await use.poll(stream, { ack: [second] })
    expect(subjectsOf(rest.sets)).toEqual([ids[0], ids[2]])
    expect((await use.poll(stream, { ack: Object.keys(rest.sets) })).sets).toEqual({})
  })

  test('that acknowledges what was never sent, or is of another stream, changes nothing', async () => {
    const stream = await caughtUp()
    const { stream_id: other } = (await use.call('POST', '/ssf/streams', {})).body
    const id = await use.revokeToken()
    const [own] = Object.keys((await use.poll(stream)).sets)
    const foreign = Object.entries((await use.poll(other)).sets).find(([, set]) => claimsOfSet(set).sub_id.jti === id)![0]
    const ahead = own!.replace(/\d+$/, '999999')
    expect(subjectsOf((await use.poll(stream, { ack: [foreign, ahead, 'x', ''] })).sets)).toEqual([id])
  })

  test('that refuses a SET has it set aside, to be seen by operators and sent again by them', async () => {
    const stream = await caughtUp()
    const ids = [await use.revokeToken(), await use.revokeToken()]
    const { sets } = await use.poll(stream)
    const [first, second] = Object.keys(sets)
    expect(
      (await use.poll(stream, { ack: [second], setErrs: { [first!]: { err: 'invalid_request', description: 'what is this?' } } }))
        .sets,
    ).toEqual({})
    const { running } = use.broker
    expect((await running.v1('GET', `/v1/ssf/streams/${stream}`)).body).toMatchObject({ behind: 0, dead_letters: 1 })
    const path = `/v1/ssf/streams/${stream}/dead-letters`
    const [letter] = (await running.v1('GET', path)).body.items
    expect(letter).toMatchObject({ subject: ids[0], err: 'invalid_request', description: 'what is this?', due: false })
    expect((await running.v1('POST', `${path}/${letter.id}/redeliver`)).status).toBe(204)
    const again = await use.poll(stream)
    expect(again.sets[first!]).toBeDefined()
    expect(claimsOfSet(again.sets[first!])).toEqual(claimsOfSet(sets[first!]))
    await use.poll(stream, { ack: [first] })
    expect((await running.v1('GET', path)).body.items).toEqual([])
    expect((await running.v1('DELETE', `${path}/${letter.id}`)).status).toBe(404)
  })

  test('that says the same twice, or changes its mind, changes nothing', async () => {
    const stream = await caughtUp()
    const ids = [await use.revokeToken(), await use.revokeToken()]
    const [first, second] = Object.keys((await use.poll(stream)).sets)
    for (let i = 0; i < 2; i++) expect(subjectsOf((await use.poll(stream, { ack: [second, second] })).sets)).toEqual([ids[0]])
    await use.poll(stream, { setErrs: { [second!]: { err: 'invalid_request' } } })
    await use.poll(stream, { ack: [first] })
    expect((await use.poll(stream, { setErrs: { [first!]: { err: 'invalid_request' } } })).sets).toEqual({})
    const { running } = use.broker
    expect((await running.v1('GET', `/v1/ssf/streams/${stream}`)).body).toMatchObject({ behind: 0, dead_letters: 0 })
  })

  test('waits until something happens', async () => {
    const stream = await caughtUp()
    let answered = false
    const waiting = use.call('POST', `/ssf/poll/${stream}`, {}).then(answer => {
      answered = true
      return answer.body
    })
    // It holds no connection of the pool meanwhile.
    expect(Object.keys((await use.poll(stream)).sets)).toEqual([])
    expect(answered).toBe(false)
    const id = await use.revokeToken()
    expect(subjectsOf((await waiting).sets)).toEqual([id])
  })

  test('of a stream that is paused gets nothing, and everything later', async () => {
    const stream = await caughtUp()
    await use.call('POST', '/ssf/status', { stream_id: stream, status: 'paused' })
    const id = await use.revokeToken()
    expect((await use.poll(stream)).sets).toEqual({})
    await use.call('POST', '/ssf/status', { stream_id: stream, status: 'enabled' })
    expect(subjectsOf((await use.poll(stream)).sets)).toEqual([id])
  })

  test('hears nothing of a subject that its receiver removed, until it adds it again', async () => {
    const stream = await caughtUp()
    const jti = await use.revokeToken()
    const subject = { jti, format: 'jwt_id', iss: use.broker.running.issuer }
    expect((await use.call('POST', '/ssf/subjects/remove', { stream_id: stream, subject })).status).toBe(204)
    const other = await use.revokeToken()
    const { sets } = await use.poll(stream)
    expect(subjectsOf(sets)).toEqual([other])
    expect((await use.call('POST', '/ssf/subjects/add', { stream_id: stream, subject, verified: true })).status).toBe(200)
  })

  test('gets the verification that its receiver asked for', async () => {
    const stream = await caughtUp()
    expect((await use.call('POST', '/ssf/verify', { stream_id: stream, state: 'c3RhdGU' })).status).toBe(204)
    const again = await use.call('POST', '/ssf/verify', { stream_id: stream })
    expect([again.status, again.headers['retry-after']]).toEqual([429, '30'])
    const { sets } = await use.poll(stream)
    const [[jti, set]] = Object.entries(sets) as [[string, string]]
    expect(claimsOfSet(set)).toMatchObject({
      sub_id: { format: 'opaque', id: stream },
      events: { [verification]: { state: 'c3RhdGU' } },
    })
    expect((await use.poll(stream, { ack: [jti] })).sets).toEqual({})
  })

  test.each<[string, unknown]>([
    ['a negative number of events', { maxEvents: -1 }],
    ['an acknowledgement that is no list', { ack: 'all' }],
    ['errors without a word', { setErrs: { x: {} } }],
  ])('with %s is refused', async (_, body) => {
    const stream = await use.newStream()
    expect((await use.call('POST', `/ssf/poll/${stream}`, body)).status).toBe(400)
  })
})

test('an account that ends is told of by its own name, and its end stands in the trail of the revocation', async () => {
  const stream = await caughtUp()
  const { running } = use.broker
  const issued = await running.token(running.form(), running.certificate)
  expect(issued.status, JSON.stringify(issued.body)).toBe(200)
  const account = issued.body.account_id as string
  expect((await running.v1('POST', `/v1/accounts/${account}/revoke`, {})).status).toBeLessThan(300)
  const { sets } = await vi.waitFor(async () => {
    const found = await use.poll(stream)
    expect(Object.keys(found.sets)).toHaveLength(1)
    return found
  })
  const claims = claimsOfSet(Object.values(sets)[0])
  expect(claims).toMatchObject({
    sub_id: { format: 'iss_sub', iss: running.issuer, sub: account },
    txn: expect.stringMatching(/^rev_/),
    events: { [sessionRevoked]: { initiating_entity: 'admin', least_generation: 2 } },
  })
})
