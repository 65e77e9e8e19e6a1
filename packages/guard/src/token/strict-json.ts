// JSON.parse keeps the last of two equal member names without a word, so two parsers may read two different tokens out of
// the same bytes. Here a repeated name is refused. JSON.parse still judges the grammar; the scan only counts names, and may
// therefore assume well-formed text.

/** How deeply objects and arrays may nest. `act` chains are at most 8 deep, so 32 is ample. */
const maxDepth = 32

/**
 * Parses a JSON object. Returns undefined for anything else: bad grammar, a repeated member name, a lone surrogate,
 * nesting beyond 32, a top level that is no object.
 */
export function parseStrictObject(text: string): Record<string, unknown> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || !namesAreUnique(text)) return undefined
  return value
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function namesAreUnique(text: string): boolean {
  /** One set of names for each open object, null for each open array. */
  const open: (Set<string> | null)[] = []
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at)
    if (char === 0x7b || char === 0x5b) {
      if (open.length === maxDepth) return false
      open.push(char === 0x7b ? new Set() : null)
    } else if (char === 0x7d || char === 0x5d) {
      open.pop()
    } else if (char === 0x22) {
      const end = endOfString(text, at)
      const literal = text.slice(at, end + 1)
      const content = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1)
      if (!content.isWellFormed()) return false
      at = end
      if (isName(text, end)) {
        const names = open.at(-1)
        if (!names || names.has(content)) return false
        names.add(content)
      }
    }
  }
  return true
}

function endOfString(text: string, start: number): number {
  let end = start + 1
  while (text.charCodeAt(end) !== 0x22) end += text.charCodeAt(end) === 0x5c ? 2 : 1
  return end
}

/** A string followed by a colon is a member name. */
function isName(text: string, end: number): boolean {
  let next = end + 1
  while (/\s/.test(text.charAt(next))) next += 1
  return text.charCodeAt(next) === 0x3a
}
