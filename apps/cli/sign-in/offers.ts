// Where a person can sign in, as the broker says, and which of these it is to be.

import type { Broker } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'

/** One of `GET /v1/sign-in`. */
export interface Offer {
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  readonly scopes: readonly string[]
  readonly ca_pem?: string
}

/** wanted: name or id, from `--provider`. Asks where there are several and none is named. */
export async function chooseOffer(
  io: Io,
  broker: Broker,
  tenant: string | undefined,
  wanted: string | undefined,
): Promise<Offer> {
  const { body } = await broker.call('login', { method: 'GET', path: '/v1/sign-in', query: { tenant } })
  const offers = body['providers'] as readonly Offer[]
  if (wanted !== undefined) return named(offers, wanted)
  if (offers.length === 1) return offers[0]!
  if (offers.length === 0) {
    throw new CliError({
      what: 'Nobody can sign in here yet.',
      why: `The broker knows no sign-in provider${tenant === undefined ? '' : ` of the tenant ${tenant}`}.`,
      next: 'With an operator token: mayfly sign-in-providers create -f provider.yaml (docs/how-to/operators.md)',
    })
  }
  if (!io.terminal.in || !io.terminal.err) {
    const next = `Name one: ${offers.map(({ name }) => `--provider "${name}"`).join(' or ')}`
    throw new CliError({ what: 'There are several sign-in providers.', why: 'There is no terminal to ask at.', next })
  }
  const lines = offers.map(({ name, issuer }, at) => `  ${at + 1}  ${name} (${issuer})\n`)
  return named(offers, await io.ask(`Sign in where?\n${lines.join('')}Number: `))
}

function named(offers: readonly Offer[], wanted: string): Offer {
  const found = offers.filter(({ id, name }) => id === wanted || name === wanted)
  const chosen = found.length > 0 ? found : offers.slice(Number(wanted) - 1).slice(0, /^\d{1,2}$/.test(wanted) ? 1 : 0)
  if (chosen.length === 1) return chosen[0]!
  throw new CliError({
    what: `There is no sign-in provider "${wanted}", or more than one.`,
    why: `There are ${offers.map(({ id, name }) => `${name} (${id})`).join(', ')}.`,
    next: 'Give the id: --provider idp_…',
  })
}
