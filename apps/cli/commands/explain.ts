// `mayfly explain`: what a token is, what it may, why, until when, bound to what, and its receipt.

import { Broker } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { type Connection, resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'
import { explainCertificate } from '../explain/certificate.ts'
import type { Explanation, Line } from '../explain/explanation.ts'
import type { TrustedIssuer } from '../explain/issuer-keys.ts'
import { type Decoded, decodeJwt, kindOf, textOf } from '../explain/jwt.ts'
import { lookUpIssuer, lookUpTaskToken } from '../explain/look-up.ts'
import { explainNameOrSecret } from '../explain/name-or-secret.ts'
import { explainTaskToken } from '../explain/task-token.ts'
import { notVerified, type Verification, verify } from '../explain/verify.ts'
import { explainWorkloadToken } from '../explain/workload-token.ts'
import { visible } from '../output/visible.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'Say what a token is, what it may, why, until when',
  about: `Takes task tokens, tokens of workloads and people, certificates (PEM), Mayfly's secrets and ids. The signature is verified with
the keys of the broker in use, of a trust source of your tenant, or of the issuer that you name; else it says "not verified".
Exit code 1 for a wrong signature. What is secret belongs on standard input: others on the machine see the words of a command.`,
  arguments: [{ name: 'token', summary: 'the token; - is standard input', optional: true }],
  options: {
    file: { type: 'string', short: 'f', value: 'FILE', summary: 'a file that holds it' },
    issuer: { type: 'string', value: 'URL', summary: 'an issuer that you trust, to verify the signature with its keys' },
    offline: { type: 'boolean', summary: 'ask nobody: say what stands in it' },
  },
  examples: [
    { text: 'a fresh one', command: 'mayfly token | mayfly explain -' },
    { text: 'which trust source would take the token of a CI job', command: 'mayfly explain -f job-token' },
    { text: 'a client certificate', command: 'mayfly explain -f agent.pem' },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { io, print } = context
  const text = await readGiven(context)
  const nowSeconds = Math.floor(io.nowMs() / 1000)
  if (text.includes('-----BEGIN')) return show(context, explainCertificate(text, nowSeconds), undefined, [])
  const known = explainNameOrSecret(text)
  if (known) return show(context, known, undefined, [])
  const jwt = decodeJwt(text)
  if (!jwt) throw notUnderstood(text)
  const isTask = ['task token', 'delegation token'].includes(kindOf(jwt))
  const explanation = isTask ? explainTaskToken(jwt, nowSeconds) : explainWorkloadToken(jwt, nowSeconds)
  const { verification, lines } = await print.progress('Looking it up', () => lookUp(context, text, jwt))
  show(context, explanation, verification, lines)
  if (verification.signature === 'wrong')
    throw new CliError({ what: 'Its signature is wrong.', why: verification.why, next: 'Believe nothing that stands in it.' })
}

async function readGiven({ io, args, flags }: Context): Promise<string> {
  const file = flags.text('file')
  const given = args['token'] ?? '-'
  const text = file !== undefined ? readNamedFile(resolvePath(io, file)) : given === '-' ? await io.readInput() : given
  const bare = text.trim().replace(/^(?:authorization:\s*)?(?:bearer|dpop)\s+/i, '')
  // The answer of a token endpoint, or of `mayfly token --json`.
  const { access_token: token } = (bare.startsWith('{') ? (parseOrNothing(bare) ?? {}) : {}) as { access_token?: unknown }
  return typeof token === 'string' ? token : bare
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const notUnderstood = (text: string): CliError =>
  new CliError({
    what: text === '' ? 'There is nothing to explain.' : 'This is nothing that mayfly knows.',
    why:
      text.split('.').length === 5
        ? 'It looks like an encrypted token (JWE), which only its receiver can read.'
        : 'A JWT has three parts with dots between them; certificates are PEM.',
    next: 'Give the whole of it: mayfly token | mayfly explain -',
  })

interface Found {
  readonly verification: Verification
  readonly lines: readonly Line[]
}

async function lookUp(context: Context, text: string, jwt: Decoded): Promise<Found> {
  const { flags, io } = context
  if (flags.has('offline')) return { verification: notVerified('Nobody was asked: --offline.'), lines: [] }
  const connection = findConnection(context)
  const issuer = textOf(jwt.claims['iss'])
  const isOwn = connection !== undefined && (issuer === connection.url || issuer.startsWith(`${connection.url}/t/`))
  const broker = connection?.token === undefined ? undefined : new Broker(connection, io.signal)
  try {
    const foreign = broker && !isOwn ? await lookUpIssuer(broker, jwt.claims) : { source: undefined, lines: [] }
    const lines = broker && isOwn ? await lookUpTaskToken(broker, jwt) : foreign.lines
    const trusted = trustedIssuer(flags.text('issuer'), issuer, isOwn ? connection : undefined, foreign.source)
    if (trusted) return { verification: await verify(text, { caPem: connection?.caPem, ...trusted }, io.signal), lines }
    return { verification: notVerified(whyNot(issuer, flags.text('issuer'), connection)), lines }
  } finally {
    await broker?.close()
  }
}

function trustedIssuer(
  named: string | undefined,
  issuer: string,
  own: Connection | undefined,
  source: Readonly<Record<string, unknown>> | undefined,
): TrustedIssuer | undefined {
  if (named !== undefined)
    return named === issuer && URL.canParse(named) ? { issuer, because: 'the issuer that you named' } : undefined
  if (own) return { issuer, because: 'the broker in use' }
  if (!source) return undefined
  const { jwks_uri, ca_pem, name } = source
  return {
    issuer,
    because: `the trust source ${name}`,
    ...(typeof jwks_uri === 'string' && { jwksUri: jwks_uri }),
    ...(typeof ca_pem === 'string' && { caPem: ca_pem }),
  }
}

function whyNot(issuer: string, named: string | undefined, connection: Connection | undefined): string {
  if (issuer === '') return 'It names no issuer.'
  if (named !== undefined) return `It is of ${issuer}, not of the issuer that you named.`
  const here = connection ? `${issuer} is neither the broker in use nor a trust source that you see` : 'No broker is known here'
  return `${here}. If you trust it: --issuer ${issuer}`
}

/** Explaining needs no broker. */
function findConnection(context: Context): Connection | undefined {
  try {
    return context.connection()
  } catch (error) {
    if (error instanceof CliError) return undefined
    throw error
  }
}

function show(
  { print }: Context,
  { kind, lines, facts }: Explanation,
  verification: Verification | undefined,
  more: readonly Line[],
) {
  const { bold, red, green, yellow } = print.paint
  const colour = { verified: green, wrong: red, 'not verified': yellow }
  const all: Line[] = [
    ...(verification
      ? [['Signature', `${colour[verification.signature](verification.signature)}. ${visible(verification.why)}`] as const]
      : []),
    ...[...lines, ...more].map(([name, text]) => [name, visible(text)] as const),
  ]
  const width = Math.max(...all.map(([name]) => name.length))
  const text = all.map(([name, value]) => `  ${name.padEnd(width)}  ${value.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`)
  const told = Object.fromEntries(more.map(([name, value]) => [name.toLowerCase().replaceAll(' ', '_'), value]))
  print.result({ kind, ...verification, ...facts, ...(more.length > 0 && { registered: told }) }, () =>
    [`${bold(kind[0]!.toUpperCase() + kind.slice(1))}`, ...text].join('\n'),
  )
}
