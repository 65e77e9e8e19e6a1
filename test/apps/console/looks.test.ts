// Every page in light, dark and at phone width: nothing that axe-core would object to (contrast among it), nothing wider than
// the screen. MAYFLY_SHOTS=<folder> keeps a picture of each, to be looked at.

import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { chromiumPath } from '#test/setup/chromium.ts'
import { account, accountId, secret, tenant } from './samples.ts'
import { findBarriers, useConsole } from './use-console.ts'

interface Sight {
  readonly path: string
  /** METHOD path → answer, beside the samples. */
  readonly answers?: Record<string, { status: number; body: object }>
  act?(page: Page): Promise<void>
}

const link = `/claim#${secret}`
const looked = (status: number, code: string) => ({ 'POST /claims/look': { status, body: { code } } })
const rows = [
  account(),
  { ...account(), id: 'acct_2', agent: { name: 'docs-translator', owner: null }, review_on: '2025-01-01' },
  { ...account(), id: 'acct_3', agent: { name: 'release-notes', owner: null }, state: 'closed' },
]

const sights: Readonly<Record<string, Sight>> = {
  'sign-in': { path: link, answers: { 'GET /session': { status: 200, body: { person: null, tenant, role: null } } } },
  claim: { path: link },
  'claim-decided': {
    path: link,
    async act(page) {
      await page.getByText('POST /refunds').click()
      await page.getByText('Yes, within these limits').click()
      await page.getByLabel(/agent.s code/).fill('BCDF-GHJK')
      await page.getByRole('button', { name: 'Claim this account' }).click()
      await page.getByText('attempts are left').waitFor()
    },
  },
  refuse: {
    path: link,
    async act(page) {
      await page.getByRole('button', { name: 'Refuse' }).click()
      await page.getByRole('alertdialog').waitFor()
    },
  },
  'not-yours': { path: link, answers: looked(403, 'not_claimable_by_you') },
  expired: { path: link, answers: looked(410, 'claim_expired') },
  accounts: { path: '/console', answers: { 'GET /accounts': { status: 200, body: { accounts: rows } } } },
  'no-accounts': { path: '/console', answers: { 'GET /accounts': { status: 200, body: { accounts: [] } } } },
  account: { path: `/console/accounts/${accountId}` },
  menu: {
    path: `/console/accounts/${accountId}`,
    async act(page) {
      await page.getByRole('button', { name: 'Signed in as Ada Okafor' }).click()
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor()
    },
  },
}

const looks = {
  light: { colorScheme: 'light', width: 1280, height: 860 },
  dark: { colorScheme: 'dark', width: 1280, height: 860 },
  phone: { colorScheme: 'light', width: 360, height: 780 },
} as const

describe.skipIf(chromiumPath === undefined)('a page', () => {
  const console = useConsole()
  const folder = process.env['MAYFLY_SHOTS']

  test.each(Object.entries(sights))('%s has no barriers and fits the screen', async (name, { path, answers, act }) => {
    Object.assign(console.fake.answers, answers)
    const page = await console.open(path)
    for (const [look, { colorScheme, width, height }] of Object.entries(looks)) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height })
      await page.reload()
      await page.locator('h1').first().waitFor()
      await act?.(page)
      if (folder) await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: name !== 'refuse' })
      expect(await findBarriers(page), look).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), look).toBeLessThanOrEqual(0)
    }
  })
})
