// Attack row 27 in the browser: what an agent may name itself and its task is text and stays text; script that got into a page
// all the same is not run.

import { describe, expect, test } from 'vitest'
import { claimable, secret } from '#test/apps/console/samples.ts'
import { useConsole } from '#test/apps/console/use-console.ts'
import { chromiumPath } from '#test/setup/chromium.ts'

const hostile = [
  '<img src=x onerror="globalThis.hacked=1">',
  '"><script>globalThis.hacked=1</script>',
  'javascript:globalThis.hacked=1',
  '{{constructor.constructor("globalThis.hacked=1")()}}',
  '</title><svg onload=globalThis.hacked=1>',
]

describe.skipIf(chromiumPath === undefined)('what an agent wrote', () => {
  const console = useConsole()

  test.each(hostile)('27: is shown as it stands and runs nothing: %s', async text => {
    const offer = claimable()
    offer.agent = { name: text, owner: text }
    offer.account.task_id = text
    offer.account.origin_address = text
    offer.permissions[0]!.text = text
    offer.scopes[0] = { scope: text, text }
    console.fake.answers['POST /claims/look'] = { status: 200, body: offer }
    console.fake.answers['GET /providers'] = { status: 200, body: { providers: [{ id: text, name: text }] } }
    const page = await console.open(`/claim#${secret}`)
    expect(await page.locator('h1').textContent()).toBe(`Will you take over from ${text}?`)
    expect(await page.evaluate('globalThis.hacked')).toBeUndefined()
    expect(await page.locator('img, script:not([src])').count()).toBe(0)
  })

  test('27: cannot hide or turn around text by characters that nobody sees', async () => {
    const offer = claimable()
    offer.agent.name = `safe\u202Egnp.exe\u200B\u0000`
    console.fake.answers['POST /claims/look'] = { status: 200, body: offer }
    const page = await console.open(`/claim#${secret}`)
    expect(await page.locator('h1').textContent()).toBe('Will you take over from safe⟨202E⟩gnp.exe⟨200B⟩⟨0000⟩?')
  })

  test('27: cannot fill the page: names are cut', async () => {
    const offer = claimable()
    offer.agent.name = 'n'.repeat(100_000)
    console.fake.answers['POST /claims/look'] = { status: 200, body: offer }
    const page = await console.open(`/claim#${secret}`)
    expect((await page.locator('h1').textContent())?.length).toBeLessThan(400)
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
  })
})

describe.skipIf(chromiumPath === undefined)('the pages of the console', () => {
  const console = useConsole()

  test('27: hold no script and no style in their markup, and load from their own origin only', async () => {
    const page = await console.open('/claim')
    await page.locator('h1').waitFor()
    const markup = (await (await fetch(`${console.fake.origin}/claim`)).text()).toLowerCase()
    expect(markup).not.toMatch(/<style|style=|\son[a-z]+=|<script(?![^>]*\ssrc="\/console\/assets\/)/)
    expect(markup.match(/(?:src|href)="(?!\/console\/assets\/)/g)).toBeNull()
    const loaded = (await page.evaluate('performance.getEntriesByType("resource").map(entry => entry.name)')) as string[]
    expect(loaded.filter(url => !url.startsWith(`${console.fake.origin}/`))).toEqual([])
  })
})
