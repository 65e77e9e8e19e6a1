// The pages of the development provider: pick a name, or read what went wrong (those of the device grant: device-pages.ts). No script; styles are allowed by their hash.

import { createHash } from 'node:crypto'
import type { Person } from './people.ts'

const style = `
:root{color-scheme:light dark;--ink:#23211c;--soft:#6d675a;--paper:#f6f3ea;--card:#fffdf7;--line:#e2dccb;--amber:#a8640a}
@media(prefers-color-scheme:dark){:root{--ink:#efe9da;--soft:#a59d8a;--paper:#191712;--card:#221f18;--line:#3a352a;--amber:#f0ae4b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);font:16px/1.5 ui-sans-serif,system-ui,sans-serif}
main{width:100%;max-width:26rem}
h1{font-size:1.35rem;font-weight:600;margin:.2rem 0 .3rem}
p{margin:0 0 1.2rem;color:var(--soft)}
.mark{color:var(--amber);font-size:.8rem;letter-spacing:.04em}
form{display:grid;gap:.5rem}
button,input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.65rem .8rem;width:100%;text-align:left}
button{cursor:pointer}
button small{display:block;color:var(--soft)}
button:hover,button:focus-visible,input:focus-visible{border-color:var(--amber);outline:2px solid var(--amber);outline-offset:-1px}
.row{display:grid;grid-template-columns:1fr auto;gap:.5rem;margin-top:.7rem}
.row button{width:auto}
label{grid-column:1/-1;font-size:.9rem;color:var(--soft)}
.quiet{background:none;border-color:transparent;color:var(--soft);text-align:center;margin-top:.7rem}
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
`.trim()

const styleHash = createHash('sha256').update(style).digest('base64')

/** The page that asks who signs in. Its buttons post `person` or `cancel` to `action`. */
export function signInPage(input: { people: readonly Person[]; action: string; client: string; problem?: string }): string {
  const buttons = input.people.map(
    person =>
      `<button name="person" value="${escapeHtml(person.id)}">${escapeHtml(person.name)}<small>${escapeHtml(person.can)}</small></button>`,
  )
  return page(
    'Sign in',
    `<h1>Who are you today?</h1>
<p>${input.problem ? escapeHtml(input.problem) : `Sign in to ${escapeHtml(input.client)}.`}</p>
<form method="post" action="${escapeHtml(input.action)}">${buttons.join('\n')}</form>
<form method="post" action="${escapeHtml(input.action)}" class="row">
<label for="other">Or anyone else</label>
<input id="other" name="person" required maxlength="40" pattern="[a-z][a-z0-9._\\-]*" autocomplete="off" spellcheck="false"><button>Sign in</button>
</form>
<form method="post" action="${escapeHtml(input.action)}"><button class="quiet" name="cancel" value="1">Cancel</button></form>`,
  )
}

/** The page for a request that cannot go on. `error` and `description` are OAuth's. */
export function problemPage(error: string, description: string): string {
  return page(
    'Sign-in stopped',
    `<h1>Sign-in stopped</h1>\n<p>${escapeHtml(description)}</p>\n<p><code>${escapeHtml(error)}</code></p>`,
  )
}

/**
 * Headers for these pages. `formTarget` is the origin that a finished sign-in leads to: browsers apply `form-action` to
 * the redirects after a form as well.
 */
export function pageHeaders(formTarget?: string): Record<string, string> {
  const formAction = formTarget ? `'self' ${formTarget}` : `'self'`
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}

/** A whole page. body: HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · Mayfly development</title><style>${style}</style></head>
<body><main><div class="mark">Mayfly development provider: no password, no proof</div>
${body}
</main></body></html>
`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
