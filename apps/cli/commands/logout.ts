import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { readConfig, withProfile, writeConfig } from '../config/profiles.ts'

export const logout: Command = {
  name: 'logout',
  summary: 'End your session, here and at the broker',
  examples: [{ text: 'of the current profile', command: 'mayfly logout' }],
  operations: ['DELETE /v1/sessions/current'],
  run,
}

async function run(context: Context): Promise<void> {
  const { io, print } = context
  const { source } = context.connection()
  if (source.kind !== 'profile' || source.profile.token === undefined) {
    throw new CliError({
      what: 'Nobody is signed in.',
      why: source.kind === 'profile' ? `The profile ${source.name} holds no credential.` : 'No profile is in use here.',
    })
  }
  const { name, profile } = source
  const { token, token_expires_at: _expires, signed_in_as: _who, ...rest } = profile
  const isSession = token?.startsWith('mfs_') === true
  const ended = isSession ? await endSession(context) : false
  writeConfig(io, withProfile(readConfig(io), name, rest))
  print.result({ ok: true, profile: name, ended }, () =>
    isSession
      ? `Signed out. Profile: ${name}`
      : `The profile ${name} has forgotten its token, which still works: mayfly operators delete ends it.`,
  )
}

/** Whether it was still live. What the broker does not know any more is ended already; anything else leaves the profile as it is. */
async function endSession(context: Context): Promise<boolean> {
  try {
    await context.broker().call('logout', { method: 'DELETE', path: '/v1/sessions/current' })
    return true
  } catch (error) {
    if (error instanceof CliError && error.failure.status === 401) return false
    throw error
  }
}
