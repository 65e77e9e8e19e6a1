// From nothing to a session, as a person does it: at the development provider, on real sockets.

import { readFileSync, statSync } from 'node:fs'
import { fetch as undiciFetch } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import { createBrowser } from '#test/setup/browser.ts'
import { useSignIn } from '#test/setup/sign-in.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { usePerson } from './use-cli.ts'

const broker = useBroker()
const person = usePerson()
const signIn = useSignIn(broker)

beforeAll(async () => {
  const ca_file = person.file('ca.pem', broker.running.ca.certificatePem)
  const added = await person.mayfly(['profile', 'add', 'work', '--url', broker.running.issuer, '--ca-file', ca_file])
  expect([added.code, added.err]).toEqual([0, ''])
})

const config = () => JSON.parse(readFileSync(`${person.home}/.config/mayfly/config.json`, 'utf8'))

/** Signs in at the provider; returns the address that it sends the browser to. */
async function pickPerson(url: string, name: string): Promise<string> {
  const browser = createBrowser(signIn.dispatcher, signIn.idp.issuer)
  return (await browser.submit((await browser.open(url)).url, { person: name })).url
}

/** As the person's browser: follows the provider back to the loopback address. */
const browserOf = (name: string, pages: string[]) => (url: string) => {
  void pickPerson(url, name).then(async back => {
    const stranger = await undiciFetch(new URL('/callback?state=guessed&code=x', back))
    pages.push(String(stranger.status), await (await undiciFetch(back)).text())
  })
}

describe('mayfly login', () => {
  test('opens the browser, keeps the session for its owner alone, and logout ends it', async () => {
    const pages: string[] = []
    const ran = await person.mayfly(['login'], { openUrl: browserOf('operator', pages) })
    expect([ran.code, ran.out]).toMatchObject([
      0,
      expect.stringMatching(/^Signed in as Operator, tenant-admin, until .*Profile: work\n$/),
    ])
    await expect.poll(() => pages).toEqual(['404', expect.stringContaining('You are signed in')])
    const { token, signed_in_as } = config().profiles.work
    expect([signed_in_as, token]).toEqual(['Operator', expect.stringMatching(/^mfs_/)])
    expect(statSync(`${person.home}/.config/mayfly/config.json`).mode & 0o777).toBe(0o600)
    expect(ran.out + ran.err).not.toContain(token)
    expect((await person.mayfly(['whoami', '--json'])).json()).toMatchObject({
      kind: 'session',
      role: 'tenant-admin',
      subject: 'operator',
    })
    expect((await person.mayfly(['agents', 'list'])).code).toBe(0)

    const again = await person.mayfly(['login', '--json'], { openUrl: browserOf('operator', []) })
    expect(again.json()).toMatchObject({ profile: 'work', operator: { role: 'tenant-admin' } })
    expect((await broker.running.v1('GET', '/v1/whoami', undefined, token)).status).toBe(401)

    const second = config().profiles.work.token
    expect((await person.mayfly(['logout'])).out).toBe('Signed out. Profile: work\n')
    expect((await broker.running.v1('GET', '/v1/whoami', undefined, second)).status).toBe(401)
    expect(config().profiles.work.token).toBeUndefined()
    expect((await person.mayfly(['whoami'])).err).toContain('mayfly login')
  })

  test('goes without a browser here: the address where it ends is pasted', async () => {
    const ask = async (): Promise<string> => pickPerson(/https:\/\/\S+auth\S+/.exec(said)![0], 'operator')
    let said = ''
    const ran = await person.mayfly(['login', '--no-browser', '--json'], {
      ask,
      err: text => {
        said += text
      },
    })
    expect([ran.code, said.split('\n')[0]]).toEqual([0, 'Open this page in a browser, on any machine:'])
    expect(ran.json().operator).toMatchObject({ subject: 'operator' })
  })

  test('goes with a code that is typed into another device', async () => {
    let said = ''
    const err = (text: string) => {
      said += text
      const [, page, code] = /Open (\S+) on any device and type (\S+)\./.exec(said) ?? []
      if (page && code && text.includes(code)) void approveDevice(page, code)
    }
    const ran = await person.mayfly(['login', '--device', '--json'], { err })
    expect([ran.code, said]).toMatchObject([0, expect.stringContaining('You have')])
    expect(ran.json().operator).toMatchObject({ subject: 'operator', role: 'tenant-admin' })
  })

  test('says who decides where no group fits, in terminal and browser', async () => {
    const pages: string[] = []
    const ran = await person.mayfly(['login'], { openUrl: browserOf('visitor', pages) })
    expect([ran.code, ran.err]).toMatchObject([1, expect.stringMatching(/403 no_role[\s\S]*groups/)])
    await expect.poll(() => pages[1]).toContain('did not work')
  })
})

async function approveDevice(page: string, code: string): Promise<void> {
  const browser = createBrowser(signIn.dispatcher, signIn.idp.issuer)
  const xsrf = (text: string) => /name="xsrf" value="([^"]+)"/.exec(text)![1]!
  const asked = await browser.open(page)
  const sure = await browser.submit(page, { xsrf: xsrf(asked.text), user_code: code })
  const next = await browser.submit(page, { xsrf: xsrf(sure.text), user_code: code, confirm: 'yes' })
  await browser.submit(next.url, { person: 'operator' })
}
