// Patterns over claims and subject alternative names. They are compared segment by segment and never become a regular
// expression, so nothing in a pattern or a value has a meaning beyond the two stars, and comparing takes linear time.
//
// A text is cut at every `:` and `/`. In a pattern a segment that is `*` stands for one non-empty segment; `**`, as the
// whole last segment, stands for one non-empty segment and whatever follows it. Everything else is compared byte for byte,
// and the whole value must be used up: `repo:org/*` matches neither `repo:org-evil/x` nor `repo:org/a/b` nor `repo:org/`.

interface Segment {
  /** What stood before it: '' for the first. */
  readonly separator: string
  readonly text: string
}

const MAX_PATTERN_CHARS = 512

/** Why a text is no pattern, as a sentence; undefined when it is one. */
export function findPatternFault(pattern: string): string | undefined {
  if (pattern === '') return 'A pattern must not be empty.'
  if (pattern.length > MAX_PATTERN_CHARS) return `A pattern has at most ${MAX_PATTERN_CHARS} characters.`
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(pattern)) return 'A pattern must not hold control characters.'
  const segments = cut(pattern)
  for (const [i, { text }] of segments.entries()) {
    if (!text.includes('*') || text === '*') continue
    if (text !== '**') return 'A star must stand for a whole segment between ":" and "/".'
    if (i < segments.length - 1) return '"**" may stand only as the whole last segment.'
  }
  if (segments.every(({ text }) => text === '' || text === '*' || text === '**'))
    return 'At least one segment must be written out.'
  return undefined
}

/** The test of a pattern. Throws `TypeError` with the fault's sentence when the text is no pattern. */
export function compilePattern(pattern: string): (value: string) => boolean {
  const fault = findPatternFault(pattern)
  if (fault !== undefined) throw new TypeError(fault)
  const wanted = cut(pattern)
  if (!pattern.includes('*')) return value => value === pattern
  const open = wanted.at(-1)?.text === '**'
  return value => {
    const found = cut(value)
    if (open ? found.length < wanted.length : found.length !== wanted.length) return false
    return wanted.every((segment, i) => fits(segment, found[i]!))
  }
}

/** How many segments from the left are written out before the first star. */
export function countLiteralSegments(pattern: string): number {
  const segments = cut(pattern)
  const star = segments.findIndex(({ text }) => text.includes('*') || text === '')
  return star < 0 ? segments.length : star
}

function fits(wanted: Segment, found: Segment): boolean {
  if (wanted.separator !== found.separator) return false
  return wanted.text === '*' || wanted.text === '**' ? found.text !== '' : wanted.text === found.text
}

function cut(text: string): Segment[] {
  const segments: Segment[] = []
  let start = 0
  let separator = ''
  for (let i = 0; i <= text.length; i++) {
    const c = text[i]
    if (c !== ':' && c !== '/' && c !== undefined) continue
    segments.push({ separator, text: text.slice(start, i) })
    separator = c ?? ''
    start = i + 1
  }
  return segments
}
