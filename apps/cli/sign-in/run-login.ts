// Through the sign-in provider to a session, which the profile keeps.

import { Broker, type Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import type { Connection } from '../config/connection.ts'
import { type Profile, readConfig, withProfile, writeConfig } from '../config/profiles.ts'
import { type SignedIn, withBrowser, withDevice, withPaste } from './get-id-token.ts'
import { chooseOffer, type Offer } from './offers.ts'
import { createProviderClient, signInFailure } from './provider-client.ts'

/** See `mayfly login --help`. Throws a CliError where nobody is signed in at the end. */
export async function runLogin(context: Context): Promise<void> {
  const { flags, io, print } = context
  if (flags.has('device') && flags.has('no-browser'))
    throw new UsageError({ what: '--device and --no-browser exclude each other.' })
  const connection = context.connection()
  const target = targetOf(connection)
  const tenant = flags.text('tenant') ?? connection.tenant
  // What the profile still holds has no part in this.
  const broker = new Broker({ ...connection, token: undefined }, io.signal)
  try {
    const offer = await chooseOffer(io, broker, tenant, flags.text('provider'))
    const session = await openSession(context, broker, offer)
    await endFormer(context, connection)
    const operator = session['operator'] as Thing
    const who = String(operator['name'] ?? operator['subject'])
    save(context, target, { tenant, session, who })
    const { token: _, ...shown } = session
    print.result({ profile: target.name, ...shown }, () => {
      const until = String(session['expires_at']).replace(/^(\S{10})T(\d\d:\d\d).*$/, '$1 $2Z')
      return `Signed in as ${who}, ${operator['role']}, until ${until}. Profile: ${target.name}`
    })
  } finally {
    await broker.close()
  }
}

async function openSession(context: Context, broker: Broker, offer: Offer): Promise<Thing> {
  const provider = await createProviderClient(offer)
  try {
    const signedIn = await getIdToken(context, provider.config, offer)
    const body = {
      provider: offer.id,
      id_token: signedIn.idToken,
      ...(signedIn.nonce !== undefined && { nonce: signedIn.nonce }),
    }
    try {
      const answer = await broker.call('login', { method: 'POST', path: '/v1/sessions', body })
      await signedIn.finish(true)
      return answer.body
    } catch (error) {
      await signedIn.finish(false)
      throw error
    }
  } finally {
    await provider.close()
  }
}

async function getIdToken(context: Context, config: Parameters<typeof withBrowser>[1], offer: Offer): Promise<SignedIn> {
  const { flags, io } = context
  const way = flags.has('device') ? withDevice : flags.has('no-browser') ? withPaste : withBrowser
  try {
    return await way(context, config, offer)
  } catch (error) {
    throw io.signal.aborted ? error : signInFailure(offer.issuer, error)
  }
}

interface Target {
  readonly name: string
  readonly profile: Profile
}

function targetOf({ source, url }: Connection): Target {
  if (source.kind === 'profile') return source
  if (source.kind === 'development') return { name: 'development', profile: { url, ca_file: source.file.caFile } }
  throw new CliError({
    what: 'There is no profile that could keep the session.',
    why: 'MAYFLY_URL is set, which is for scripts: they bring their own MAYFLY_TOKEN.',
    next: `unset MAYFLY_URL\nmayfly profile add NAME --url ${url}\nmayfly login`,
  })
}

function save(
  { io }: Context,
  { name, profile }: Target,
  { tenant, session, who }: { tenant: string | undefined; session: Thing; who: string },
) {
  const { ca_file, url } = profile
  const signedIn: Profile = {
    url,
    ...(ca_file !== undefined && { ca_file }),
    ...(tenant !== undefined && { tenant }),
    token: String(session['token']),
    token_expires_at: String(session['expires_at']),
    signed_in_as: who,
  }
  const config = readConfig(io)
  writeConfig(io, { ...withProfile(config, name, signedIn), current: config.current ?? name })
}

/** A session that is replaced is ended, if it can be. */
async function endFormer({ io }: Context, connection: Connection): Promise<void> {
  if (!connection.token?.startsWith('mfs_') || connection.source.kind !== 'profile') return
  const former = new Broker(connection, io.signal)
  try {
    await former.call('logout', { method: 'DELETE', path: '/v1/sessions/current' })
  } catch {
    // It has ended by itself, or will.
  } finally {
    await former.close()
  }
}
