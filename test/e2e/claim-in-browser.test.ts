// The whole way in Chromium, towards a real broker and a real OpenID provider: an agent opens an account, shows a code, somebody
// opens the link, signs in, claims; all that the agent had is dead.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { changeRegistration } from '#test/setup/change-registration.ts'
import { chromiumPath, launchChromium } from '#test/setup/chromium.ts'
import { useConsole } from '#test/setup/console.ts'
import { useBroker } from '#test/setup/use-broker.ts'

interface Opened {
  readonly accountId: string
  readonly claimUri: string
  /** For the issuer itself, to manage the account. */
  readonly accountToken: string
}

describe.skipIf(chromiumPath === undefined)('claiming in Chromium at a real broker', () => {
  const broker = useBroker()
  useConsole(broker)
  let browser: Browser
  const contexts: BrowserContext[] = []
  const faults: string[] = []

  beforeAll(async () => {
    browser = await launchChromium()
    await changeRegistration(broker.running, `/v1/agents/${broker.running.ids.agent}`, ({ settings }) => ({
      settings: { ...settings, claimable_by: { groups: ['mayfly-claimers'] } },
    }))
  })
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map(context => context.close()))
    expect(faults.splice(0)).toEqual([])
  })
  afterAll(() => browser?.close())

  async function openBrowser(): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } })
    contexts.push(context)
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    page.on('pageerror', error => faults.push(error.message))
    page.on('console', message => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
    })
    return page
  }

  /** As clients do: a broker that is busy for now is asked again. */
  async function askToken(form: Record<string, string>) {
    const { running } = broker
    // The very same request: then an opening that was committed unheard is answered with its claim link.
    const same = running.form(form)
    const ask = () => running.token(same, running.certificate)
    let answer = await ask()
    for (let left = 5; answer.status === 503 && left > 0; left -= 1) {
      await delay(1_000 * Number(answer.headers['retry-after'] ?? 1))
      answer = await ask()
    }
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
    return answer
  }

  let tasks = 0
  async function openAccount(more: Record<string, string> = {}): Promise<Opened> {
    const { running } = broker
    tasks += 1
    const task_id = `<b>task-${tasks}</b>`
    const opened = await askToken({ task_id, ...more })
    const token = await askToken({ resource: running.issuer, scope: 'account', task_id })
    return {
      accountId: opened.body.account_id,
      claimUri: opened.body.claim_uri,
      accountToken: token.body.access_token,
    }
  }

  async function showCode({ accountToken }: Opened): Promise<string> {
    const { running } = broker
    const headers = { authorization: `Bearer ${accountToken}` }
    const url = `${running.config.mtlsUrl}/account/claim-code`
    const answer = await broker.https.send(url, { method: 'POST', headers, certificate: running.certificate })
    expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
    return answer.body.code
  }

  async function signIn(page: Page, person: string): Promise<void> {
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.getByRole('button', { name: new RegExp(`^${person}`, 'i') }).click()
  }

  const claim = 'Claim this account'

  test('an account becomes its claimer’s, and the agent’s token for it is dead', async () => {
    const account = await openAccount()
    const page = await openBrowser()
    await page.goto(account.claimUri)
    await signIn(page, 'claimer')
    await page.getByText('<b>task-1</b>').waitFor()
    await page.getByText('No, I take it from here').click()
    await page.getByLabel(/agent.s code/).fill('BCDF-GHJK')
    await page.getByRole('button', { name: claim }).click()
    await page.getByText('That is not it, or there is no code yet.').waitFor()
    await page.getByLabel(/agent.s code/).fill((await showCode(account)).toLowerCase())
    await page.getByRole('button', { name: claim }).click()
    await page.getByText('The account is yours.').waitFor()
    expect(new URL(page.url()).pathname).toBe(`/console/accounts/${account.accountId}`)
    await page.goBack()
    await page.goForward()
    await page.goto(account.claimUri)
    await page.getByText('This account has been claimed').waitFor()

    const { running } = broker
    const again = await running.token(running.form({ task_id: '<b>task-1</b>' }), running.certificate)
    expect(again.status).toBe(400)
    await page.getByRole('link', { name: 'My accounts' }).click()
    await page.getByRole('link', { name: /task-1/ }).click()
    await page.getByRole('button', { name: 'Close…' }).click()
    await page.getByRole('button', { name: 'Close the account' }).click()
    await page.getByText('Closed', { exact: true }).waitFor()
  })

  test('who may not claim is told so, signs in as somebody else, keeps less and lets the agent back in', async () => {
    const account = await openAccount()
    const page = await openBrowser()
    await page.goto(account.claimUri)
    await signIn(page, 'auditor')
    await page.getByText('This account is not for you to claim').waitFor()
    await page.getByRole('button', { name: 'Sign in as somebody else' }).click()
    await signIn(page, 'claimer')
    await page.getByText(/POST .*\/payments/).click()
    await page.getByText('Yes, within these limits').click()
    await page.getByLabel(/agent.s code/).fill(await showCode(account))
    await page.getByRole('button', { name: claim }).click()
    await page.getByText('The account is yours.').waitFor()
    expect(await page.getByText(/POST .*\/payments/).count()).toBe(0)
    const agent = page.getByRole('switch', { name: 'May work in this account' })
    expect(await agent.isChecked()).toBe(true)
    await page.getByText('May work in this account').click()
    await page.getByText('It is locked out.').waitFor()
    await page.getByText('May work in this account').click()
    await page.getByText('It proves its key for every token').waitFor()
    await page.getByLabel('Next review').fill(new Date(Date.now() + 40 * 86_400_000).toISOString().slice(0, 10))
    await page.getByRole('button', { name: 'Set' }).click()
    await page.getByRole('button', { name: 'Set', disabled: true }).waitFor()
  })

  test('a cancelled sign-in leads back to the link, which still works; refusing it ends the link alone', async () => {
    const account = await openAccount()
    const page = await openBrowser()
    await page.goto(account.claimUri)
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('The sign-in was cancelled. Nothing has changed.').waitFor()
    await signIn(page, 'claimer')
    await page.getByRole('button', { name: 'Refuse' }).click()
    await page.getByRole('button', { name: 'Refuse the account' }).click()
    await page.getByText('You have refused this account').waitFor()
    await page.goto(account.claimUri)
    await page.getByText('This link has ended').waitFor()
    const { running } = broker
    const goesOn = await running.token(running.form({ task_id: `<b>task-${tasks}</b>` }), running.certificate)
    expect(goesOn.status).toBe(200)
  })

  test('a page of another site can neither use the session nor frame the console (attack 27)', async () => {
    const page = await openBrowser()
    await page.goto(`${broker.running.issuer}/console`)
    await signIn(page, 'claimer')
    await page
      .getByText('You have no accounts yet')
      .or(page.getByRole('heading', { name: 'My accounts' }))
      .waitFor()
    const { issuer } = broker.running
    await using foreign = await serveForeignSite(`<iframe src="${issuer}/console"></iframe>`)
    const stranger = await page.context().newPage()
    await stranger.goto(foreign.url)
    const ask = (path: string, how: string) =>
      stranger.evaluate(`fetch('${issuer}${path}', { credentials: 'include', ${how} }).then(() => 'read', () => 'failed')`)
    expect(await ask('/console/api/accounts', "method: 'GET'")).toBe('failed')
    expect(await ask('/console/sign-out', "method: 'POST', mode: 'no-cors'")).toBe('failed')
    expect(await stranger.frames()[1]?.evaluate('document.querySelector("#root") === null')).toBe(true)
    await page.reload()
    await page.getByRole('button', { name: 'Signed in as Claimer' }).waitFor()
  })
})

/** Another site, as far as a browser knows. */
async function serveForeignSite(html: string) {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}
