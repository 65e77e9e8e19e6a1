// Ids are UUIDv7 (RFC 9562 § 5.7): sortable, 74 random bits. Inside and in the database they are uuids; on the wire they
// carry a prefix that says what they name, so that an id in a log can be told from a secret (`secret.ts`).

import { randomFillSync } from 'node:crypto'

export const idPrefixes = {
  tenant: 'ten',
  trustSource: 'src',
  agent: 'agt',
  resource: 'res',
  account: 'acct',
  credential: 'crd',
  signInProvider: 'idp',
  person: 'psn',
  change: 'chg',
  token: 'at',
  transaction: 'txn',
  request: 'req',
  key: 'key',
  joinToken: 'join',
  connector: 'con',
  attachment: 'att',
  webhook: 'whk',
  message: 'msg',
  statusList: 'stl',
  revocation: 'rev',
  receiver: 'rcv',
  stream: 'evs',
  deadLetter: 'dlt',
  erasure: 'ers',
  legalHold: 'hold',
} as const

export type IdKind = keyof typeof idPrefixes

const pool = Buffer.alloc(16 * 256)
let offset = pool.length

/** A new uuid as 32 lowercase hex digits with dashes; `nowMs` is the sortable part. */
export function newUuid(nowMs: number = Date.now()): string {
  return formatUuid(newHex(nowMs))
}

/** The 32 hex digits of a new uuid. */
function newHex(nowMs: number): string {
  if (offset === pool.length) {
    randomFillSync(pool)
    offset = 0
  }
  const at = offset
  offset += 16
  pool.writeUIntBE(Math.floor(nowMs), at, 6)
  pool[at + 6] = (pool[at + 6]! & 0x0f) | 0x70
  pool[at + 8] = (pool[at + 8]! & 0x3f) | 0x80
  return pool.toString('hex', at, at + 16)
}

/** 32 hex digits with the dashes of a uuid. */
export function formatUuid(h: string): string {
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
}

/** `acct_0192…`: the wire form of a uuid. */
export function formatId(kind: IdKind, uuid: string): string {
  const h = uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
  return `${idPrefixes[kind]}_${h}`
}

/** A new wire id, `acct_…`. */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  return `${idPrefixes[kind]}_${newHex(nowMs)}`
}

/** The uuid inside a wire id, or undefined when it is not an id of that kind. */
export function parseId(kind: IdKind, text: string): string | undefined {
  const prefix = idPrefixes[kind]
  if (text.length !== prefix.length + 33 || !text.startsWith(`${prefix}_`)) return undefined
  const h = text.slice(prefix.length + 1)
  return /^[0-9a-f]{32}$/.test(h) ? formatUuid(h) : undefined
}
