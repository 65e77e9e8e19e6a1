// A leaf commits to its body: `body_hash` = base64url of SHA-256 over the leaf's `salt`, as text, and the body's exact bytes.

import { hash } from 'node:crypto'

const hashMember = Buffer.from('"body_hash":"')
const saltMember = Buffer.from('"salt":"')

/** Whether this is the body that the leaf was written with; false for a leaf that commits to none. leaf: its exact bytes. */
export function isBodyOf(leaf: Buffer, body: string): boolean {
  const committed = textOf(leaf, hashMember)
  const salt = textOf(leaf, saltMember)
  return committed !== undefined && salt !== undefined && hash('sha256', salt + body, 'base64url') === committed
}

/** A member's text. Leaves are canonical and hold ids, hashes and names only, so no value can look like a member. */
function textOf(leaf: Buffer, member: Buffer): string | undefined {
  const at = leaf.indexOf(member)
  if (at < 0) return undefined
  const start = at + member.length
  const end = leaf.indexOf(0x22, start)
  return end < 0 ? undefined : leaf.toString('latin1', start, end)
}
