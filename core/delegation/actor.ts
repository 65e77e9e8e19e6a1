/** RFC 8693 § 4.1: who acts, and inside it for whom. Members in the order of RFC 8785. */
export interface Actor {
  readonly act?: Actor
  readonly iss: string
  readonly sub: string
  readonly sub_profile: 'ai_agent'
}

/** The chain of actors, none left out. clientIds: from who acts now outwards to the root's agent; at least one. */
export function nestActors(issuer: string, clientIds: readonly string[]): Actor {
  const [clientId, ...outer] = clientIds
  if (clientId === undefined) throw new RangeError('somebody must act')
  const actor = { iss: issuer, sub: clientId, sub_profile: 'ai_agent' } as const
  return outer.length === 0 ? actor : { act: nestActors(issuer, outer), ...actor }
}
