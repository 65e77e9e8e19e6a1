import type { BuiltFile } from './built-console.ts'

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mayfly</title>
<h1>The console was not built here</h1>
<p>Opening this page has changed nothing. Whoever runs this broker builds its console with <code>npm run build:console</code> and starts it again.</p>
<p>If a link led you here, keep it to yourself: whoever has it may be able to claim the account that it belongs to.</p>
</html>
`

/** What is shown where there is no console. */
export const pageWithoutConsole: BuiltFile = {
  type: 'text/html; charset=utf-8',
  body: Buffer.from(html),
  gzipped: () => undefined,
  hashed: false,
}
