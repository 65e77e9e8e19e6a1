// An event as readers of the log are shown it: ids in their wire form, facts as they were recorded, and the hash of its leaf, by which a
// proof can be asked for. What is sealed is not shown, but that there is something.

import { hashLeaf } from '#core/audit/event.ts'
import { formatId } from '#core/ids/id.ts'
import { isJsonObject } from '#core/json/is-json-object.ts'
import type { DecisionCode, FoundEvent } from '#db/audit/events.ts'

export interface EventActor {
  readonly kind: 'person' | 'operator' | 'agent' | 'system'
  readonly id?: string
  /** The credential that was used. */
  readonly credential?: string
  readonly role?: string
}

export interface ShownEvent {
  readonly position: number
  /** uuid, as in the leaf. */
  readonly id: string
  /** RFC 3339, UTC. */
  readonly time: string
  readonly type: string
  readonly decision?: 'allow' | 'deny' | 'defer'
  readonly reason?: string
  readonly tenant?: string
  readonly agent?: string
  readonly account?: string
  readonly token?: string
  readonly actor: EventActor
  /** In our own words; null once retention has dropped them. */
  readonly facts: Readonly<Record<string, unknown>> | null
  /** Whether part of it is sealed under a subject's key. */
  readonly sealed: boolean
  /** base64url of the leaf's hash. Of a token its `evt` claim. */
  readonly receipt: string
}

interface Leaf {
  readonly id: string
  readonly time: number
  readonly type: string
  readonly tenant?: string
  readonly agent?: string
  readonly account?: string
  readonly token?: string
  readonly private_hash?: string
}

const decisions: Readonly<Record<DecisionCode, 'allow' | 'deny' | 'defer'>> = { a: 'allow', d: 'deny', f: 'defer' }

export function showEvent({ position, leaf: text, body, decision, reason }: FoundEvent): ShownEvent {
  const leaf = JSON.parse(text) as Leaf
  const facts = factsOf(body)
  return {
    position,
    id: leaf.id,
    time: new Date(leaf.time).toISOString(),
    type: leaf.type,
    ...(decision !== null && { decision: decisions[decision] }),
    ...(reason !== null && { reason }),
    ...(leaf.tenant !== undefined && { tenant: formatId('tenant', leaf.tenant) }),
    ...(leaf.agent !== undefined && { agent: formatId('agent', leaf.agent) }),
    ...(leaf.account !== undefined && { account: formatId('account', leaf.account) }),
    ...(leaf.token !== undefined && { token: leaf.token }),
    actor: actorOf(leaf, facts ?? {}),
    facts,
    sealed: leaf.private_hash !== undefined,
    receipt: hashLeaf(text),
  }
}

/** The private part of a body, as it is stored; undefined: it has none, or retention has dropped it. */
export function sealedIn(body: string | null): { readonly text: string; readonly keyId: string } | undefined {
  const { private: text, subject_key: keyId } = parse(body) ?? {}
  return typeof text === 'string' && typeof keyId === 'string' ? { text, keyId } : undefined
}

function parse(body: string | null): Readonly<Record<string, unknown>> | null {
  if (body === null || body === '') return null
  const value: unknown = JSON.parse(body)
  return isJsonObject(value) ? value : null
}

function factsOf(body: string | null): Readonly<Record<string, unknown>> | null {
  const { private: _sealed, subject_key: _key, ...facts } = parse(body) ?? { private: null }
  return parse(body) && facts
}

/** What a part of Mayfly does by itself, though it is about an agent's account. */
const byItself = /^(account\.(expired|reaped|torn_down|suspended)|attachment\.)/

function actorOf(leaf: Leaf, facts: Readonly<Record<string, unknown>>): EventActor {
  const text = (name: string): string | undefined => (typeof facts[name] === 'string' ? facts[name] : undefined)
  const [credential, person, role] = [text('actor'), text('actor_person'), text('actor_role')]
  const used = { ...(credential !== undefined && { credential }), ...(role !== undefined && { role }) }
  if (person !== undefined) return { kind: 'person', id: person, ...used }
  if (credential !== undefined) return { kind: 'operator', id: credential, ...used }
  const isOwn =
    leaf.agent !== undefined && !byItself.test(leaf.type) && !['ancestor', 'schedule', 'restore'].includes(text('by') ?? '')
  return isOwn ? { kind: 'agent', id: formatId('agent', leaf.agent!) } : { kind: 'system' }
}
