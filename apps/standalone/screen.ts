// What `npm start` shows when it is ready.

import { relative } from 'node:path'
import type { Ports } from './options.ts'
import { createPaint } from './paint.ts'
import type { Core, Registered } from './stack.ts'

export interface ScreenInput {
  readonly core: Core
  readonly registered: Registered
  readonly ports: Ports
  readonly devFile: string
  /** The script in the state folder that prints a workload token. */
  readonly tokenScript: string
  readonly logPath: string
  readonly seconds: number
  readonly colour: boolean
}

/** Several lines, without one at the end. */
export function readyScreen(input: ScreenInput): string {
  const { core, registered, ports, devFile, logPath, seconds } = input
  const paint = createPaint(input.colour)
  const rows: (readonly [string, string, string])[] = [
    ['API', core.publicUrl, 'tokens, /v1, /openapi.json'],
    ['API with certificates', core.mtlsUrl, 'the same, for agents with a key'],
    ['OpenID provider', core.idpIssuer, 'development only: anyone may sign in'],
    ['APIs to try', new URL(registered.seeded.uris.orders).origin, 'orders-api, refunds-api, status-api'],
    ['PostgreSQL', core.databaseDescription, ''],
    ...(ports.metrics === undefined ? [] : [['Metrics', `http://localhost:${ports.metrics}/metrics`, ''] as const]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const valueWidth = Math.max(...rows.map(([, value]) => value.length))
  const table = rows.map(([name, value, note]) =>
    `  ${name.padEnd(width)}  ${value.padEnd(valueWidth)}  ${paint.dim(note)}`.trimEnd(),
  )
  return [
    '',
    `${paint.accent('Mayfly is up')} ${paint.dim(`after ${seconds.toFixed(1)} s, on this machine only`)}`,
    '',
    ...table,
    '',
    `${paint.bold('A first token')}, bound to the agent's certificate, then used (paste both lines):`,
    '',
    ...curlLines(input),
    '',
    `  For programs  ${shorten(devFile)} ${paint.dim('(holds an operator token)')}`,
    `  Log           ${shorten(logPath)}`,
    `  To stop       Ctrl-C${input.core.databaseDescription.includes('embedded') ? paint.dim(' (data stays)') : ''}`,
    '',
  ].join('\n')
}

/** Two commands that work as they stand: ask for a token, use it. */
function curlLines({ core, registered, tokenScript }: ScreenInput): string[] {
  const { tls } = core
  const curl = `curl -s --cacert ${shorten(tls.caFile)} --cert ${shorten(tls.agent.certFile)} --key ${shorten(tls.agent.keyFile)}`
  return [
    `  TOKEN=$(${curl} ${core.mtlsUrl}/token \\`,
    '    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\',
    '    -d subject_token_type=urn:ietf:params:oauth:token-type:jwt \\',
    `    -d subject_token=$(${shorten(tokenScript)}) \\`,
    `    -d resource=${registered.seeded.uris.orders} -d scope=orders:read \\`,
    `    | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `  ${curl} -H "Authorization: Bearer $TOKEN" ${registered.seeded.uris.orders}/orders/42`,
  ]
}

/** As seen from the working directory, where that is shorter. */
function shorten(path: string): string {
  const near = relative(process.cwd(), path)
  const shown = near.startsWith('..') || near.length > path.length ? path : near
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`
}
