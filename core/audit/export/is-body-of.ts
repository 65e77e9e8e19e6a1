// A leaf commits to its body: `body_hash` = base64url of SHA-256 over the leaf's `salt`, as text, and the body's exact bytes.

import { hash } from 'node:crypto'

/** Whether this is the body that the leaf was written with; false for a leaf that commits to none. leaf: its exact bytes. */
export function isBodyOf(leaf: Buffer, body: string): boolean {
  // All that is looked for is ASCII; two searches in a string cost half of what they cost in a buffer.
  const text = leaf.toString('latin1')
  const committed = textOf(text, '"body_hash":"')
  const salt = textOf(text, '"salt":"')
  return committed !== undefined && salt !== undefined && hash('sha256', salt + body, 'base64url') === committed
}

/** A member's text. Leaves are canonical and hold ids, hashes and names only, so no value can look like a member. */
function textOf(leaf: string, member: string): string | undefined {
  const at = leaf.indexOf(member)
  if (at < 0) return undefined
  const start = at + member.length
  const end = leaf.indexOf('"', start)
  return end < 0 ? undefined : leaf.slice(start, end)
}
