import { describe, expect, test } from 'vitest'
import { chromiumPath } from '#test/setup/chromium.ts'
import { account, accountId, tenant } from './samples.ts'
import { headingOf, useConsole } from './use-console.ts'

describe.skipIf(chromiumPath === undefined)('the accounts of a person', () => {
  const console = useConsole()
  const asked = (path: string) => console.fake.requests.filter(request => request.path === path && request.method === 'POST')
  const path = `/console/accounts/${accountId}`

  test('are listed, with those whose review is due marked', async () => {
    const due = { ...account(), id: 'acct_2', review_on: '2025-01-01' }
    console.fake.answers['GET /accounts'] = { status: 200, body: { accounts: [account(), due] } }
    const page = await console.open('/console')
    await page.getByText('Review is due').waitFor()
    expect(await page.getByRole('listitem').count()).toBe(2)
    await page
      .getByRole('link', { name: /invoice-reconciler/ })
      .first()
      .click()
    await page.getByText('reports-database').waitFor()
    await page.goBack()
    await page.getByText('Review is due').waitFor()
  })

  test('that are none say how one comes by them', async () => {
    console.fake.answers['GET /accounts'] = { status: 200, body: { accounts: [] } }
    const page = await console.open('/console')
    expect(await headingOf(page)).toBe('You have no accounts yet')
  })

  test('are closed after a question, and the page then shows what the broker says', async () => {
    console.fake.answers[`POST /accounts/${accountId}/close`] = () => {
      console.fake.answers[`GET /accounts/${accountId}`] = { status: 200, body: { ...account(), state: 'closed' } }
      return { status: 204 }
    }
    const page = await console.open(path)
    await page.getByRole('button', { name: 'Close…' }).click()
    await page.keyboard.press('Escape')
    expect(asked(`/accounts/${accountId}/close`)).toEqual([])
    await page.getByRole('button', { name: 'Close…' }).click()
    await page.getByRole('button', { name: 'Close the account' }).click()
    await page.getByText('Closed', { exact: true }).waitFor()
    expect(await page.getByRole('switch').count()).toBe(0)
  })

  test('let their agent in and out; a refusal leaves the switch as the broker has it', async () => {
    let readmitted = true
    console.fake.answers[`GET /accounts/${accountId}`] = () => ({ status: 200, body: { ...account(), readmitted } })
    console.fake.answers[`POST /accounts/${accountId}/readmit`] = ({ body }) => {
      if (body['readmit'] === true) return { status: 409, body: { code: 'conflict' } }
      readmitted = false
      return { status: 200, body: {} }
    }
    const page = await console.open(path)
    const agent = page.getByRole('switch', { name: 'May work in this account' })
    await page.getByText('May work in this account').click()
    await page.getByText('It is locked out.').waitFor()
    expect(await agent.isChecked()).toBe(false)
    await page.getByText('May work in this account').click()
    await page.getByText('That did not work.').waitFor()
    expect(await agent.isChecked()).toBe(false)
    expect(asked(`/accounts/${accountId}/readmit`).map(({ body }) => body)).toEqual([{ readmit: false }, { readmit: true }])
  })

  test('get a new date for their review', async () => {
    console.fake.answers[`POST /accounts/${accountId}/review`] = { status: 204 }
    const page = await console.open(path)
    await page.getByLabel('Next review').fill('2027-03-01')
    await page.getByRole('button', { name: 'Set' }).click()
    await expect.poll(() => asked(`/accounts/${accountId}/review`)[0]?.body).toEqual({ review_on: '2027-03-01' })
  })

  test('of somebody else look as if there were none', async () => {
    const page = await console.open('/console/accounts/acct_other')
    expect(await headingOf(page)).toBe('There is no such account of yours')
  })

  test('are not shown to whoever is signed in at another tenant, who may sign in anew', async () => {
    console.fake.answers['GET /accounts'] = { status: 403, body: { code: 'other_tenant' } }
    const page = await console.open('/console')
    await page.getByRole('button', { name: 'Sign in as somebody else' }).waitFor()
  })

  test('are forgotten when the person signs out', async () => {
    const page = await console.open(path)
    await page.getByText('reports-database').waitFor()
    console.fake.answers['GET /session'] = { status: 200, body: { person: null, tenant, role: null } }
    console.fake.answers[`GET /accounts/${accountId}`] = { status: 401, body: { code: 'not_signed_in' } }
    await page.getByRole('button', { name: 'Signed in as Ada Okafor' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: /^Sign in with Acme/ }).waitFor()
    expect(await page.getByText('reports-database').count()).toBe(0)
  })
})
