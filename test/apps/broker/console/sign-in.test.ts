import { describe, expect, test } from 'vitest'
import { confidential, providerBody, useConsole } from '#test/setup/console.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const people = useConsole(broker)
const page = (path: string) => `${broker.running.issuer}${path}`
const session = '__Host-mayfly'
const underWay = '__Host-mayfly-sign-in'

describe('signing in with a browser', () => {
  test('leads over the provider back to the page, with a session in a cookie that has every flag', async () => {
    const visitor = people.visit()
    expect((await visitor.api('GET', '/session')).body).toEqual({
      person: null,
      tenant: { slug: 'test', name: 'Test' },
      role: null,
    })
    const [provider] = (await visitor.api('GET', '/providers')).body.providers
    expect(provider).toEqual({ id: people.provider, name: 'development-idp' })
    const begun = await visitor.send(page(`/console/sign-in?provider=${provider.id}&return_to=/claim`))
    expect(begun.status).toBe(303)
    const asked = new URL(begun.headers.get('location')!)
    expect(asked.origin).toBe(people.idp.issuer)
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      client_id: 'mayfly-console',
      response_type: 'code',
      redirect_uri: page('/console/callback'),
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^.{43}$/),
      nonce: expect.stringMatching(/^.{43}$/),
    })
    expect(begun.setCookies).toEqual([
      expect.stringMatching(/^__Host-mayfly-sign-in=[\w-]+; Path=\/; Max-Age=600; Secure; HttpOnly; SameSite=Lax$/),
    ])
    const back = await visitor.signIn('claimer', { returnTo: '/claim' })
    expect([back.status, back.url]).toEqual([200, page('/claim')])
    expect(visitor.jar.get(broker.running.issuer)!.has(underWay)).toBe(false)
    expect((await visitor.api('GET', '/session')).body).toEqual({
      person: { name: 'Claimer', issuer: people.idp.issuer, subject: 'claimer' },
      tenant: { slug: 'test', name: 'Test' },
      role: null,
    })
  })

  test('sets the session once, strictly for this host, and clears what the way needed', async () => {
    const visitor = people.visit()
    const login = await visitor.open(page(`/console/sign-in?provider=${people.provider}`))
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'person=operator' }
    let reply = await visitor.send(login.url, form)
    while (!reply.url.startsWith(page('/console/callback'))) reply = await visitor.send(reply.headers.get('location')!)
    expect([reply.status, reply.headers.get('location')]).toEqual([303, page('/console')])
    expect(reply.setCookies).toEqual([
      '__Host-mayfly-sign-in=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax',
      expect.stringMatching(/^__Host-mayfly=mfw_[\w-]+; Path=\/; Max-Age=28800; Secure; HttpOnly; SameSite=Strict$/),
    ])
    expect((await visitor.api('GET', '/session')).body.role).toBe('tenant-admin')
    expect(reply.headers.get('cache-control')).toBe('no-store')
  })

  test('ends with signing out, at once and in every tab', async () => {
    const visitor = people.visit()
    await visitor.signIn('claimer')
    const secret = visitor.jar.get(broker.running.issuer)!.get(session)!
    const out = await visitor.send(page('/console/sign-out'), {
      method: 'POST',
      headers: { origin: broker.running.issuer, 'content-type': 'application/json' },
      body: '{}',
    })
    expect([out.status, out.setCookies]).toEqual([204, ['__Host-mayfly=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict']])
    const tab = people.visit()
    const reply = await tab.api('GET', '/accounts', undefined, { headers: { cookie: `${session}=${secret}` } })
    expect([reply.status, reply.body.code]).toEqual([401, 'sign_in_needed'])
  })

  test('ends when the person is signed out by an admin', async () => {
    const visitor = people.visit()
    await visitor.signIn('approver')
    const { items } = (await broker.running.v1('GET', '/v1/people')).body
    const { id } = items.find((person: { subject: string }) => person.subject === 'approver')
    expect((await broker.running.v1('POST', `/v1/people/${id}/sign-out`)).body).toEqual({ ended: 1 })
    expect((await visitor.api('GET', '/accounts')).status).toBe(401)
  })

  test('opens nothing under /v1, nor does a token there open a browser’s session', async () => {
    const visitor = people.visit()
    await visitor.signIn('operator')
    const secret = visitor.jar.get(broker.running.issuer)!.get(session)!
    expect((await broker.running.v1('GET', '/v1/whoami', undefined, secret)).status).toBe(401)
    const headers = { cookie: `${session}=${broker.running.operatorToken}` }
    expect((await people.visit().api('GET', '/accounts', undefined, { headers })).status).toBe(401)
  })
})

describe('a sign-in that fails', () => {
  const failed = async (url: string, visitor = people.visit()) => {
    const { status, headers } = await visitor.send(page(url))
    return [status, headers.get('location')]
  }

  test('is told on the page that it came from: cancelled', async () => {
    const visitor = people.visit()
    const login = await visitor.open(page(`/console/sign-in?provider=${people.provider}&return_to=/claim`))
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const back = await visitor.open(login.url, { method: 'POST', headers, body: 'cancel=1' })
    expect(back.url).toBe(page('/claim?sign_in=cancelled'))
    expect((await visitor.api('GET', '/session')).body.person).toBeNull()
  })

  test('leads to no page but ours', async () => {
    const nobody = `idp_${'0'.repeat(32)}`
    for (const returnTo of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/v1/agents',
      '/claim#x',
      '/console/../v1',
      '',
    ])
      expect(await failed(`/console/sign-in?provider=${nobody}&return_to=${encodeURIComponent(returnTo)}`)).toEqual([
        303,
        page('/console?sign_in=refused'),
      ])
    expect(await failed('/console/sign-in')).toEqual([303, page('/console?sign_in=refused')])
  })

  test('is refused without the cookie of the browser that began it, and with a changed one', async () => {
    expect(await failed('/console/callback?code=x&state=y')).toEqual([303, page('/console?sign_in=expired')])
    const visitor = people.visit()
    await visitor.open(page(`/console/sign-in?provider=${people.provider}`))
    const cookies = visitor.jar.get(broker.running.issuer)!
    const value = cookies.get(underWay)!
    cookies.set(underWay, `${value.slice(0, 40)}${value[40] === 'A' ? 'B' : 'A'}${value.slice(41)}`)
    expect(await failed('/console/callback?code=x&state=y', visitor)).toEqual([303, page('/console?sign_in=expired')])
  })

  test('is refused with another state than its own: a code that somebody else was given signs nobody in', async () => {
    const thief = people.visit()
    const login = await thief.open(page(`/console/sign-in?provider=${people.provider}`))
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'person=operator' }
    let reply = await thief.send(login.url, form)
    while (!reply.headers.get('location')!.startsWith(page('/console/callback')))
      reply = await thief.send(reply.headers.get('location')!)
    const planted = reply.headers.get('location')!
    const victim = people.visit()
    await victim.open(page(`/console/sign-in?provider=${people.provider}&return_to=/claim`))
    const back = await victim.open(planted)
    expect(back.url).toBe(page('/claim?sign_in=refused'))
    expect((await victim.api('GET', '/session')).body.person).toBeNull()
  })

  test('is used up: the same way back a second time signs nobody in', async () => {
    const visitor = people.visit()
    const login = await visitor.open(page(`/console/sign-in?provider=${people.provider}`))
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'person=claimer' }
    let reply = await visitor.send(login.url, form)
    while (!reply.headers.get('location')!.startsWith(page('/console/callback')))
      reply = await visitor.send(reply.headers.get('location')!)
    const back = reply.headers.get('location')!
    const cookie = visitor.jar.get(broker.running.issuer)!.get(underWay)!
    expect((await visitor.open(back)).url).toBe(page('/console'))
    const again = people.visit()
    const second = await again.send(back, { headers: { cookie: `${underWay}=${cookie}` } })
    expect(second.headers.get('location')).toBe(page('/console?sign_in=refused'))
    expect(second.setCookies.some(line => line.startsWith(`${session}=mfw_`))).toBe(false)
  })
})

describe('a provider that wants a secret of the console', () => {
  test('gets it sealed from us, and nobody else ever sees it', async () => {
    const { v1, ca, logLines } = broker.running
    const body = providerBody(people.idp, ca.certificatePem, { name: 'with a secret', console_client_id: confidential.id })
    const { id } = (await v1('POST', '/v1/sign-in-providers', body)).body
    const path = `/v1/sign-in-providers/${id}/client-secret`
    const enter = async () => (await people.visit().signIn('claimer', { provider: id, returnTo: '/claim' })).url
    expect(await enter()).toBe(page('/claim?sign_in=refused'))
    expect((await v1('PUT', path, { client_secret: confidential.secret })).status).toBe(204)
    expect(await enter()).toBe(page('/claim'))
    const shown = JSON.stringify((await v1('GET', `/v1/sign-in-providers/${id}`)).body)
    expect(`${shown}${logLines.join('')}`).not.toContain('must be encoded')
    const [row] = await broker.database.admin`select secret_sealed from mayfly.sign_in_client_secret`
    expect((row!['secret_sealed'] as Buffer).includes('secret')).toBe(false)
    expect((await v1('DELETE', path)).status).toBe(204)
    expect(await enter()).toBe(page('/claim?sign_in=refused'))
  })

  test('is nobody’s but its tenant’s admin to tell, and must be one', async () => {
    const { v1 } = broker.running
    const path = `/v1/sign-in-providers/${people.provider}/client-secret`
    expect((await v1('PUT', path, { client_secret: 'short' })).status).toBe(400)
    expect((await v1('PUT', path, { client_secret: 'x'.repeat(32) }, broker.running.platformToken)).status).toBe(403)
    expect(
      (await v1('PUT', `/v1/sign-in-providers/idp_${'0'.repeat(32)}/client-secret`, { client_secret: 'x'.repeat(32) })).status,
    ).toBe(404)
  })
})

test('workloads cannot come with tokens that are for the console', async () => {
  const { v1, ca } = broker.running
  const source = { kind: 'openid', name: 'people as workloads', issuer: people.idp.issuer, audience: 'mayfly-console' }
  expect((await v1('POST', '/v1/trust-sources', { ...source, ca_pem: ca.certificatePem })).status).toBe(409)
})
