// How somebody is called, found in texts and JSON of the database, and nobody else with it.
//
// What can hardly be anybody else's (an address, a name of several words, an issuer's long subject) is found wherever it stands as a
// whole. A short or common word (`kim`, `42`) would be found everywhere, so it counts only where it is all there is: a whole text, or a
// whole string of JSON. Never where it names a member: whoever is called `type` is not every message's `"type":`.

const leastDistinctive = 16

const isDistinctive = (word: string): boolean => word.length >= 6 && (/[@\s:/|]/.test(word) || word.length >= leastDistinctive)

/** Literally, for an advanced regular expression of PostgreSQL. */
const literal = (word: string): string => word.replace(/[^A-Za-z0-9\u0080-\u{10ffff}]/gu, '\\$&')

/** As it stands in JSON, where that is otherwise. */
const spellings = (word: string): string[] => [...new Set([word, JSON.stringify(word).slice(1, -1)])]

function patternOf(word: string): string {
  const text = literal(word)
  if (!isDistinctive(word)) return `^${text}$|"${text}"(?!\\s*:)`
  const inside = word.includes('@') ? '[:alnum:]_.+-' : '[:alnum:]_@+:/-'
  return `(?<![${inside}])${text}(?![${inside.replace('.', '')}])`
}

/** A pattern for `~*`, which pays no heed to case; undefined: there is nothing to look for. */
export function wordPattern(words: readonly string[]): string | undefined {
  const parts = [...new Set(words.map(word => word.trim()).filter(word => word !== ''))].flatMap(spellings).map(patternOf)
  return parts.length === 0 ? undefined : parts.join('|')
}
