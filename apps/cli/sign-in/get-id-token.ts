// Three ways to an ID token: the system's browser, a browser elsewhere whose last address is pasted, and a code that is typed
// into any device (RFC 8628). The first two use PKCE, state and nonce.

import { randomInt } from 'node:crypto'
import * as client from 'openid-client'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { createLoopbackListener, type LoopbackListener } from './loopback-listener.ts'
import type { Offer } from './offers.ts'

export interface SignedIn {
  readonly idToken: string
  /** Undefined: the ID token holds none. */
  readonly nonce: string | undefined
  /** Tells a waiting browser page how it ended. */
  finish(ok: boolean): Promise<void>
}

const browserTimeoutMs = 5 * 60_000

interface Started {
  readonly url: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

async function start(config: client.Configuration, offer: Offer, state: string, redirectUri: string): Promise<Started> {
  const verifier = client.randomPKCECodeVerifier()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: offer.scopes.join(' '),
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, state, nonce, verifier }
}

async function redeem(config: client.Configuration, started: Started, back: URL): Promise<string> {
  const { verifier, state, nonce } = started
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return idTokenOf(await client.authorizationCodeGrant(config, back, checks))
}

/** In the browser of this machine. */
export async function withBrowser({ io, print }: Context, config: client.Configuration, offer: Offer): Promise<SignedIn> {
  const state = client.randomState()
  const listener = await createLoopbackListener(state)
  try {
    const started = await start(config, offer, state, listener.redirectUri)
    print.note(`Your browser opens. If it does not, open this page yourself:\n\n  ${started.url}\n`)
    io.openUrl(started.url)
    const back = await listener.wait(io.signal, browserTimeoutMs)
    return { idToken: await redeem(config, started, back), nonce: started.nonce, finish: ok => listener.finish(ok) }
  } catch (error) {
    await quietly(listener)
    throw error
  }
}

const quietly = (listener: LoopbackListener): Promise<void> => listener.finish(false).catch(() => undefined)

/** In a browser on another machine, which cannot come back here by itself. */
export async function withPaste({ io, print }: Context, config: client.Configuration, offer: Offer): Promise<SignedIn> {
  // Nothing listens there: the browser shows an error page, and the address is what we want.
  const started = await start(config, offer, client.randomState(), `http://127.0.0.1:${randomInt(49_152, 65_536)}/callback`)
  print.note(
    `Open this page in a browser, on any machine:\n\n  ${started.url}\n\nSign in there. At the end the browser says that it cannot connect. Copy that page's whole address.`,
  )
  const pasted = (await io.ask('Address: ')).trim()
  if (!URL.canParse(pasted)) {
    throw new UsageError({ what: 'That is no address.', next: 'It begins with http://127.0.0.1 and holds code= and state=.' })
  }
  return { idToken: await redeem(config, started, new URL(pasted)), nonce: started.nonce, finish: async () => undefined }
}

/** On any device, with a code (RFC 8628). Its ID tokens hold no nonce. */
export async function withDevice({ io, print }: Context, config: client.Configuration, offer: Offer): Promise<SignedIn> {
  const begun = await client.initiateDeviceAuthorization(config, { scope: offer.scopes.join(' ') })
  const minutes = Math.round(begun.expires_in / 60)
  print.note(`Open ${begun.verification_uri} on any device and type ${begun.user_code}. You have ${minutes} minutes.`)
  const tokens = await client.pollDeviceAuthorizationGrant(config, begun, undefined, { signal: io.signal })
  return { idToken: idTokenOf(tokens), nonce: undefined, finish: async () => undefined }
}

function idTokenOf({ id_token }: { readonly id_token?: string | undefined }): string {
  if (id_token !== undefined) return id_token
  throw new CliError({
    what: 'The provider gave no ID token.',
    why: 'Mayfly needs one to know who you are.',
    next: 'Its registration must ask for the scope openid: mayfly sign-in-providers get …',
  })
}
