// The pages of the device grant (RFC 8628): type the code that the other device shows, see that it is the same, sign in.

import type { KoaContextWithOIDC } from 'oidc-provider'
import { escapeHtml, page, pageHeaders } from './sign-in-page.ts'

function show(ctx: KoaContextWithOIDC, title: string, body: string): void {
  ctx.set(pageHeaders())
  ctx.body = page(title, `<h1>${title}</h1>\n${body}`)
}

const button = (form: string, text: string): string => `<form><button type="submit" form="${form}">${text}</button></form>`

/** form: made by oidc-provider, which knows what must be in it. Its buttons stand outside and name it. */
export const devicePages = {
  async userCodeInputSource(ctx: KoaContextWithOIDC, form: string, _out?: unknown, error?: unknown) {
    const text = error
      ? 'That code is not one that waits. Look at the other device again.'
      : 'Enter the code that the other device shows.'
    show(ctx, 'Sign in on another device', `<p>${text}</p>\n${form}\n${button('op.deviceInputForm', 'Continue')}`)
  },
  async userCodeConfirmSource(
    ctx: KoaContextWithOIDC,
    form: string,
    client: { readonly clientId: string },
    _info: unknown,
    code: string,
  ) {
    const text = `<p>Does ${escapeHtml(client.clientId)} show this code? If you did not start this yourself, close the page.</p>`
    show(
      ctx,
      'Is it yours?',
      `${text}\n<p><code>${escapeHtml(code)}</code></p>\n${form}\n${button('op.deviceConfirmForm', 'Continue')}`,
    )
  },
  async successSource(ctx: KoaContextWithOIDC) {
    show(ctx, 'Signed in', '<p>The other device goes on by itself. You can close this page.</p>')
  },
}
