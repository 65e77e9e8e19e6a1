// One browser and one fake broker for the tests of a file; each test gets a fresh profile, and the samples.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { launchChromium } from '#test/setup/chromium.ts'
import { type FakeBroker, startFakeBroker } from './fake-broker.ts'
import { setSamples } from './samples.ts'

export interface ConsoleInUse {
  /** Only while tests run, as the rest. */
  readonly fake: FakeBroker
  /** A page in a profile of its own. Whatever goes wrong in it (script errors, what the security policy refuses) fails the test. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>
}

const wide: BrowserContextOptions = { viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' }

export function useConsole(): ConsoleInUse {
  let browser: Browser | undefined
  let fake: FakeBroker | undefined
  let contexts: BrowserContext[] = []
  let faults: string[] = []
  beforeAll(async () => {
    ;[browser, fake] = await Promise.all([launchChromium(), startFakeBroker()])
  })
  beforeEach(() => setSamples(fake!))
  afterEach(async () => {
    await Promise.all(contexts.map(context => context.close()))
    const found = faults
    contexts = []
    faults = []
    expect(found).toEqual([])
  })
  afterAll(async () => {
    await browser?.close()
    await fake?.close()
  })
  return {
    get fake() {
      return fake!
    },
    async open(path, options = wide) {
      const context = await browser!.newContext(options)
      contexts.push(context)
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      page.on('pageerror', error => faults.push(error.message))
      page.on('console', message => {
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
      })
      await page.goto(`${fake!.origin}${path}`)
      return page
    },
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds wrong with a page as it stands: rule and element. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] }
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

/** The heading of the page, once it is there. */
export const headingOf = (page: Page): Promise<string | null> => page.locator('h1').first().textContent()
