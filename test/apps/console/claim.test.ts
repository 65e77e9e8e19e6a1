// The claim in a real browser, towards a broker that a test commands.

import { describe, expect, test } from 'vitest'
import { chromiumPath } from '#test/setup/chromium.ts'
import { accountId, claimable, code, secret, tenant } from './samples.ts'
import { headingOf, useConsole } from './use-console.ts'

const signedOut = { status: 200, body: { person: null, tenant, role: null } }
const link = `/claim#${secret}`

describe.skipIf(chromiumPath === undefined)('a claim in the browser', () => {
  const console = useConsole()
  const asked = (path: string) => console.fake.requests.filter(request => request.path === path)
  const confirm = 'Claim this account'
  const codeField = /agent.s code/

  test('keeps the secret of the link out of the address and of every URL that is asked for', async () => {
    const page = await console.open(link)
    await page.getByRole('button', { name: confirm }).waitFor()
    await expect.poll(() => page.url()).toBe(`${console.fake.origin}/claim`)
    expect(console.fake.urls.filter(url => url.includes(secret))).toEqual([])
    expect(asked('/claims/look')[0]?.body).toEqual({ secret })
  })

  test('shows nothing of the account and asks nothing about it before somebody has signed in', async () => {
    console.fake.answers['GET /session'] = signedOut
    const page = await console.open(link)
    expect(await headingOf(page)).toBe('An AI agent is offering you its account')
    expect(await page.getByRole('link', { name: /^Sign in with/ }).allTextContents()).toEqual([
      'Sign in with Acme single sign-on',
      'Sign in with Contractors',
    ])
    expect(asked('/claims/look')).toEqual([])
  })

  test('goes on after the sign-in with the secret that the tab kept', async () => {
    console.fake.answers['GET /session'] = signedOut
    const page = await console.open(link)
    const first = page.getByRole('link', { name: 'Sign in with Acme single sign-on' })
    expect(await first.getAttribute('href')).toBe('/console/sign-in?provider=idp_1&return_to=%2Fclaim')
    console.fake.answers['GET /session'] = {
      status: 200,
      body: { person: { name: 'Ada', issuer: 'i', subject: 'a' }, tenant, role: null },
    }
    await first.click()
    await page.getByRole('button', { name: confirm }).waitFor()
    expect(asked('/claims/look')[0]?.body).toEqual({ secret })
  })

  test('shows who asks, from where, for what, how old', async () => {
    const page = await console.open(link)
    const label = await page.getByRole('region', { name: 'What this account is' }).textContent()
    for (const said of [
      'invoice-reconciler',
      'Payments platform',
      'ci-18442/reconcile-invoices',
      '198.51.100.23',
      'repo:acme/billing:ref:refs/heads/main',
    ])
      expect(label).toContain(said)
    expect(label).toMatch(/1[0-2] minutes ago/)
    for (const { text } of claimable().permissions) expect(await page.getByText(text).count()).toBe(1)
  })

  test('takes a choice about the agent, a code, and leads to the account; the way back shows that it is done', async () => {
    const page = await console.open(link)
    await page.getByLabel(codeField).fill('bcdf-ghjk')
    await page.getByRole('button', { name: confirm }).click()
    await page.getByText('Choose one of the two.').waitFor()
    expect(asked('/claims/confirm')).toEqual([])
    await page.getByText('Yes, within these limits').click()
    await page.getByRole('button', { name: confirm }).click()
    await page.getByText('4 attempts are left').waitFor()
    await page.getByLabel(codeField).fill(code)
    await page.getByRole('button', { name: confirm }).click()
    await page.getByText('The account is yours.').waitFor()
    expect(page.url()).toBe(`${console.fake.origin}/console/accounts/${accountId}`)
    expect(asked('/claims/confirm').at(-1)?.body).toEqual({ secret, code, readmit: true })
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).not.toContain(secret)
    await page.goto(`${console.fake.origin}/claim`)
    expect(await headingOf(page)).toBe('You have claimed this account')
  })

  test('sends what is kept and nothing else; with nothing kept there is nothing to claim', async () => {
    const page = await console.open(link)
    const boxes = page.getByRole('checkbox')
    await page.getByText('POST /refunds').click()
    await page.getByText('No, I take it from here').click()
    await page.getByLabel(codeField).fill(code)
    await page.getByText('GET /orders/{id}').click()
    await page.getByText('See orders and what is in them').click()
    expect(await page.getByRole('button', { name: confirm }).isDisabled()).toBe(true)
    await page.getByText('GET /orders/{id}').click()
    expect(await boxes.count()).toBe(3)
    await page.getByRole('button', { name: confirm }).click()
    await page.getByText('The account is yours.').waitFor()
    const keep = { scopes: [], authorization_details: [claimable().permissions[0]!.entry] }
    expect(asked('/claims/confirm')[0]?.body).toEqual({ secret, code, readmit: false, keep })
  })

  test('offers no way back for an agent that has none, and says so', async () => {
    console.fake.answers['POST /claims/look'] = { status: 200, body: { ...claimable(), readmission: { offered: false } } }
    const page = await console.open(link)
    await page.getByText('The agent is locked out').waitFor()
    expect(await page.getByRole('radio').count()).toBe(0)
    await page.getByLabel(codeField).fill(code)
    await page.getByRole('button', { name: confirm }).click()
    await page.getByText('The account is yours.').waitFor()
    expect(asked('/claims/confirm')[0]?.body).toEqual({ secret, code, readmit: false })
  })

  test('can be refused, after a question; a reload then shows that it was', async () => {
    const page = await console.open(link)
    await page.getByRole('button', { name: 'Refuse' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(asked('/claims/refuse')).toEqual([])
    await page.getByRole('button', { name: 'Refuse' }).click()
    await page.getByRole('button', { name: 'Refuse the account' }).click()
    await page.getByText('You have refused this account').waitFor()
    expect(asked('/claims/refuse')[0]?.body).toEqual({ secret })
    await page.reload()
    expect(await headingOf(page)).toBe('You have refused this account')
  })

  test('survives a reload, and takes another link that is opened in the same tab', async () => {
    const page = await console.open(link)
    await page.getByRole('button', { name: confirm }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: confirm }).waitFor()
    await page.evaluate('location.hash = "mfc_another"')
    await expect.poll(() => asked('/claims/look').at(-1)?.body).toEqual({ secret: 'mfc_another' })
    await expect.poll(() => page.url()).not.toContain('mfc_another')
  })

  test('asks the broker again when the deadline passes while the page is open', async () => {
    const offer = claimable()
    offer.account.expires_at = new Date(Date.now() + 1_000).toISOString()
    console.fake.answers['POST /claims/look'] = ({ body }) => {
      const over = Date.now() > Date.parse(offer.account.expires_at)
      return over ? { status: 410, body: { code: 'claim_expired' } } : { status: 200, body: body && offer }
    }
    const page = await console.open(link)
    await page.getByText('This link has ended').waitFor()
  })

  test('belongs to the tenant of its address', async () => {
    const page = await console.open(`/t/acme${link}`)
    await page.getByRole('button', { name: confirm }).waitFor()
    const apis = console.fake.urls.filter(url => url.includes('/console/api'))
    expect(apis.length).toBeGreaterThan(1)
    expect(apis.filter(url => !url.startsWith('/t/acme/'))).toEqual([])
  })

  test('can be done by keyboard alone', async () => {
    const page = await console.open(link)
    await page.getByRole('button', { name: confirm }).waitFor()
    const reach = async (isThere: string) => {
      for (let i = 0; i < 25; i += 1) {
        await page.keyboard.press('Tab')
        if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(isThere)})`)) return
      }
      throw new Error(`${isThere} is not reached`)
    }
    await reach('input[type=checkbox]')
    await reach('input[type=radio]')
    await page.keyboard.press('ArrowDown')
    await reach('input[name=code]')
    await page.keyboard.type(code)
    await page.keyboard.press('Enter')
    await page.getByText('The account is yours.').waitFor()
    expect(asked('/claims/confirm')[0]?.body).toMatchObject({ code, readmit: true })
  })
})
