// The same claim in the console's own pages, driven in Chromium: on a screen where there is one, else unseen.

import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { UnexpectedOutcome } from './expect.ts'
import type { Story } from './story.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const macPlaces = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Throws UnexpectedOutcome where there is no browser, or a page does not come to what it must. */
export async function claimInChromium(story: Story, code: string): Promise<void> {
  const path = [...places, ...macPlaces].find(existsSync)
  if (path === undefined) throw new UnexpectedOutcome('found no Chromium and no Chrome on this machine; leave --browser out')
  const seen = process.platform === 'darwin' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY'])
  const browser = await chromium.launch({
    executablePath: path,
    headless: !seen,
    ...(seen && { slowMo: 400 }),
    // Its own sandbox needs rights that root in a container has not.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), `--ignore-certificate-errors-spki-list=${keyHash(story)}`],
  })
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(20_000)
    await page.goto(story.ahead.claimUri)
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.getByRole('button', { name: /^Claimer/ }).click()
    await page.getByText('The agent is locked out').waitFor()
    await page.getByLabel(/agent.s code/).fill(code)
    await page.getByRole('button', { name: 'Claim this account' }).click()
    await page.getByText('The account is yours.').waitFor()
  } finally {
    await browser.close()
  }
}

/** The only key that is trusted beside those that the system trusts: the development server's. Base64 SHA-256. */
function keyHash({ core }: Story): string {
  const key = new X509Certificate(core.tls.server.certPem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}
