// What receivers can be told: events of CAEP 1.0, and of the Shared Signals Framework 1.0 about the stream itself.

const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/'

/** CAEP 1.0 § 3.1: whoever holds a token of this subject holds nothing any more. */
export const sessionRevoked = `${caep}session-revoked`
/** CAEP 1.0 § 3.3: a signing key is not to be trusted any more. */
export const credentialChange = `${caep}credential-change`
/** SSF 1.0 § 8.1.4. */
export const verification = `${ssf}verification`
/** SSF 1.0 § 8.1.5. */
export const streamUpdated = `${ssf}stream-updated`

/** What a stream may ask for. The two about the stream itself come to everyone. */
export const requestableEvents: readonly string[] = [sessionRevoked, credentialChange]
export const supportedEvents: readonly string[] = [...requestableEvents, verification, streamUpdated]

/** requested: by the receiver; undefined: it named none and gets all. */
export const deliveredEvents = (requested: readonly string[] | undefined): readonly string[] =>
  requestableEvents.filter(type => requested === undefined || requested.includes(type))
