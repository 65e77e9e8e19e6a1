// What webhooks can be told. The types are those of the audit log; a message says less than the log does.

import { transitions } from '#core/account/transitions.ts'

/** Reaping is nobody's business outside. */
const ofAccounts = Object.entries(transitions).flatMap(([name, row]) => (name === 'reap' ? [] : [[name, row.event] as const]))

export const webhookEventTypes: readonly string[] = [...ofAccounts.map(([, event]) => event), 'account.torn_down']

/** The type of message for a transition; undefined: none is sent. */
export const eventTypeOf = (transition: string): string | undefined => ofAccounts.find(([name]) => name === transition)?.[1]
