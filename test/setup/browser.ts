// As much of a browser as a sign-in page needs: cookies, redirects, forms. No script.

import { type Agent, fetch as undiciFetch } from 'undici'

export interface Page {
  /** Where it led to; a URL of another origin is not asked any more. */
  readonly url: string
  readonly text: string
  readonly status: number
}

export interface Browser {
  open(url: string): Promise<Page>
  submit(url: string, form: Readonly<Record<string, string>>): Promise<Page>
}

/** origin: the only one that is asked. */
export function createBrowser(dispatcher: Agent, origin: string): Browser {
  const jar = new Map<string, string>()
  const go = async (
    url: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<Page> => {
    const cookie = [...jar].map(pair => pair.join('=')).join('; ')
    const response = await undiciFetch(url, { ...init, dispatcher, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0]!.split('=') as [string, string]
      jar.set(name, value)
    }
    const location = response.headers.get('location')
    const text = await response.text()
    if (!location) return { url, text, status: response.status }
    const next = new URL(location, url).href
    return next.startsWith(`${origin}/`) ? go(next) : { url: next, text: '', status: response.status }
  }
  return {
    open: url => go(url),
    submit: (url, form) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return go(url, { method: 'POST', headers, body: new URLSearchParams(form).toString() })
    },
  }
}
