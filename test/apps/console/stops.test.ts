// Where a claim does not go on: a page for each, and nothing is changed by it.

import { describe, expect, test } from 'vitest'
import { chromiumPath } from '#test/setup/chromium.ts'
import { code, secret } from './samples.ts'
import { headingOf, useConsole } from './use-console.ts'

describe.skipIf(chromiumPath === undefined)('a claim that does not go on', () => {
  const console = useConsole()

  test.each([
    ['is not for this person', 403, 'not_claimable_by_you', 'This account is not for you to claim', 'Sign in as somebody else'],
    ['belongs to another tenant', 403, 'other_tenant', 'You are signed in at another organisation', 'Sign in as somebody else'],
    ['was claimed by somebody else', 409, 'already_claimed', 'This account has been claimed', 'My accounts'],
    ['has ended', 410, 'claim_expired', 'This link has ended', 'My accounts'],
    ['leads nowhere', 404, 'not_found', 'This link leads nowhere', 'Try again'],
  ])('because it %s says so, and what to do', async (_, status, problem, title, way) => {
    console.fake.answers['POST /claims/look'] = { status, body: { code: problem } }
    const page = await console.open(`/claim#${secret}`)
    await page.getByText(title).waitFor()
    expect(await page.getByText(way, { exact: true }).count()).toBe(1)
    expect(console.fake.requests.filter(({ path }) => path.startsWith('/claims') && path !== '/claims/look')).toEqual([])
  })

  test('lets somebody else sign in with the same link', async () => {
    console.fake.answers['POST /claims/look'] = { status: 403, body: { code: 'not_claimable_by_you' } }
    const page = await console.open(`/claim#${secret}`)
    await page.getByText('Signed in as Ada Okafor.').waitFor()
    console.fake.answers['GET /session'] = {
      status: 200,
      body: { person: null, tenant: { slug: 'main', name: 'Acme Robotics' }, role: null },
    }
    await page.getByRole('button', { name: 'Sign in as somebody else' }).click()
    await page.getByRole('link', { name: /^Sign in with Acme/ }).waitFor()
    expect(console.fake.requests.some(({ method, path }) => method === 'POST' && path === '/console/sign-out')).toBe(true)
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).toContain(secret)
  })

  test('tells the second of two who claim at once that somebody was first', async () => {
    console.fake.answers['POST /claims/confirm'] = { status: 409, body: { code: 'already_claimed' } }
    const page = await console.open(`/claim#${secret}`)
    await page.getByText('No, I take it from here').click()
    await page.getByLabel(/agent.s code/).fill(code)
    await page.getByRole('button', { name: 'Claim this account' }).click()
    await page.getByText('This account has been claimed').waitFor()
  })

  test('after too many wrong codes, waits for a new one', async () => {
    console.fake.answers['POST /claims/confirm'] = { status: 429, body: { code: 'too_many_codes' } }
    const page = await console.open(`/claim#${secret}`)
    await page.getByText('No, I take it from here').click()
    await page.getByLabel(/agent.s code/).fill(code)
    await page.getByRole('button', { name: 'Claim this account' }).click()
    await page.getByText('Too many wrong codes').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel(/agent.s code/).waitFor()
  })

  test('keeps the link while the broker does not answer, and goes on when it does', async () => {
    const answers = { ...console.fake.answers }
    for (const path of ['GET /session', 'POST /claims/look'])
      console.fake.answers[path] = { status: 503, body: { code: 'unavailable' } }
    const page = await console.open(`/claim#${secret}`)
    await page.getByText('That did not work').waitFor({ timeout: 20_000 })
    Object.assign(console.fake.answers, answers)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('button', { name: 'Claim this account' }).waitFor()
  })

  test('without a secret says how a link looks; no claim is asked about', async () => {
    const page = await console.open('/claim')
    expect(await headingOf(page)).toBe('There is no claim link here')
    expect(console.fake.requests.filter(({ path }) => path.startsWith('/claims'))).toEqual([])
  })

  test('says what became of a sign-in that failed, once', async () => {
    console.fake.answers['GET /session'] = {
      status: 200,
      body: { person: null, tenant: { slug: 'main', name: 'Acme Robotics' }, role: null },
    }
    const page = await console.open('/console?sign_in=cancelled')
    await page.getByText('The sign-in was cancelled. Nothing has changed.').waitFor()
    await expect.poll(() => page.url()).toBe(`${console.fake.origin}/console`)
    await page.reload()
    await page.getByRole('link', { name: /^Sign in with Acme/ }).waitFor()
    expect(await page.getByText('was cancelled').count()).toBe(0)
  })
})
